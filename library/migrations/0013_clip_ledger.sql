-- The ledger of clips: one row for each statement that changed clips, so that writers don't wait
-- for each other. Only its sums mean something: the number of changes, and the number of clips that
-- the public can list. They cost the same however large the library is.
CREATE TABLE library_clipledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changes bigint NOT NULL,
    available bigint NOT NULL
);
-- Rows are deleted as often as they are inserted.
ALTER TABLE library_clipledger SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Replace rows by one with their sums. Rows that another transaction is replacing are skipped, so
-- this waits for nothing.
CREATE FUNCTION library_fold_ledger() RETURNS void LANGUAGE sql AS $function$
    WITH folded AS (
        DELETE FROM library_clipledger
        WHERE id IN (SELECT id FROM library_clipledger FOR UPDATE SKIP LOCKED)
        RETURNING changes, available
    )
    INSERT INTO library_clipledger (changes, available)
    SELECT sum(changes), sum(available) FROM folded HAVING count(*) > 0
$function$ SET search_path FROM CURRENT;

CREATE FUNCTION library_note_clips() RETURNS trigger LANGUAGE plpgsql AS $function$
DECLARE
    difference bigint := 0;
    number bigint;
BEGIN
    -- `before` and `after` are the rows that the statement changed.
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT count(*) INTO difference FROM after
        WHERE deleted_at IS NULL AND state = 'published';
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        SELECT difference - count(*) INTO difference FROM before
        WHERE deleted_at IS NULL AND state = 'published';
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        SELECT -coalesce(sum(available), 0) INTO difference FROM library_clipledger;
    END IF;
    INSERT INTO library_clipledger (changes, available) VALUES (1, difference)
    RETURNING id INTO number;
    IF number % 100 = 0 THEN
        PERFORM library_fold_ledger();
    END IF;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE FUNCTION library_note_tallies() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO library_clipledger (changes, available) VALUES (1, 0);
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE TRIGGER clips_inserted AFTER INSERT ON library_clip
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_clips();
CREATE TRIGGER clips_deleted AFTER DELETE ON library_clip
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_clips();
CREATE TRIGGER clips_truncated AFTER TRUNCATE ON library_clip
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_clips();
-- library_record_plays() updates counters, but plays are in the library's tally.
CREATE TRIGGER clips_updated AFTER UPDATE ON library_clip
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT WHEN (current_setting('clips.recording', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION library_note_clips();

-- Its sum only grows while plays are recorded, so it is as good as a number of changes. Any other
-- change may lower it, so that a later sum equals an earlier one.
CREATE TRIGGER tallies_rewritten AFTER UPDATE OR DELETE OR TRUNCATE ON library_librarytally
    FOR EACH STATEMENT WHEN (current_setting('clips.recording', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION library_note_tallies();

INSERT INTO library_clipledger (changes, available)
SELECT 1, count(*) FROM library_clip WHERE deleted_at IS NULL AND state = 'published';

-- An array: the sums of the ledger, and the plays since a time some quarters ago. A play belongs to
-- the quarter of an hour in which its transaction began, so each committed play is among them.
CREATE FUNCTION library_token() RETURNS json LANGUAGE plpgsql STABLE AS $function$
DECLARE
    recent CONSTANT timestamptz := date_bin('15 minutes', now() - interval '45 minutes', 'epoch');
BEGIN
    RETURN json_build_array(
        (SELECT coalesce(sum(changes), 0) FROM library_clipledger),
        (SELECT coalesce(sum(available), 0) FROM library_clipledger),
        extract(epoch FROM recent)::bigint,
        (SELECT coalesce(sum(plays), 0) FROM library_librarytally WHERE quarter >= recent)
    );
END
$function$ SET enable_seqscan = off SET jit = off;
