-- Everything that happens to public clips, in the order of the commits. One row for each statement
-- and kind of change. `clips` has the id of a clip for each change; the numbers of a row's changes
-- end with `last_seq`. A row without `change` says only that something else has changed that lists
-- show, such as a counter of plays. It uses up one number.
CREATE TABLE library_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    last_seq bigint UNIQUE, -- NULL until the transaction commits
    change text CHECK (change IN ('published', 'updated', 'withdrawn', 'deleted', 'restored')),
    reason text,
    at timestamptz, -- of the commit
    clips bigint[] NOT NULL DEFAULT '{}',
    difference bigint NOT NULL DEFAULT 0 -- of the number of public clips
);

-- One row: the last number that was used, the last number of a change, the number of public clips,
-- and the number up to which changes have been pruned.
CREATE TABLE library_changestate (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    last_seq bigint NOT NULL,
    last_change bigint NOT NULL,
    available bigint NOT NULL,
    pruned bigint NOT NULL DEFAULT 0
);

-- Number the changes of a row. This runs when the transaction commits. The lock of the only row is
-- held until the commit is complete, so that changes become visible in the order of their numbers.
CREATE FUNCTION library_number_changes() RETURNS trigger LANGUAGE plpgsql AS $function$
DECLARE
    number bigint;
BEGIN
    UPDATE library_changestate SET
        last_seq = last_seq + greatest(cardinality(NEW.clips), 1),
        last_change = CASE
            WHEN NEW.change IS NULL THEN last_change ELSE last_seq + cardinality(NEW.clips)
        END,
        available = available + NEW.difference
    RETURNING last_seq INTO STRICT number;
    UPDATE library_change SET last_seq = number, at = clock_timestamp() WHERE id = NEW.id;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE CONSTRAINT TRIGGER changes_numbered AFTER INSERT ON library_change
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.last_seq IS NULL) EXECUTE FUNCTION library_number_changes();

DROP FUNCTION library_note_clips CASCADE;
DROP FUNCTION library_note_tallies CASCADE;
DROP FUNCTION library_fold_ledger;

-- `before` and `after` are the rows that the statement changed. A row of changes has at most 10,000
-- clips, because reading some of them reads all.
CREATE FUNCTION library_note_clips() RETURNS trigger LANGUAGE plpgsql AS $function$
DECLARE
    ids bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN -- this way, because the usual case of one clip costs less than below
        ids := ARRAY(
            SELECT id FROM after WHERE deleted_at IS NULL AND state = 'published' ORDER BY id
        );
        FOR start IN 1..cardinality(ids) BY 10000 LOOP
            INSERT INTO library_change (change, clips, difference)
            SELECT 'published', portion, cardinality(portion)
            FROM (SELECT ids[start:start + 9999]) AS portions (portion);
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO library_change (change, clips, difference)
        SELECT 'deleted', array_agg(id ORDER BY id), -count(*) FROM (
            SELECT id, (row_number() OVER (ORDER BY id) - 1) / 10000 AS portion
            FROM before WHERE deleted_at IS NULL AND state = 'published'
        ) AS deleted
        GROUP BY portion ORDER BY portion;
    ELSE
        INSERT INTO library_change (change, reason, clips, difference)
        SELECT change, reason, array_agg(id ORDER BY id), sum(difference) FROM (
            SELECT
                *, (row_number() OVER (PARTITION BY change, reason ORDER BY id) - 1) / 10000
                AS portion
            FROM (
                SELECT
                    id,
                    CASE WHEN was_public THEN 0 ELSE 1 END
                    - CASE WHEN is_public THEN 0 ELSE 1 END AS difference,
                    CASE
                        WHEN was_public AND is_public THEN CASE WHEN differs THEN 'updated' END
                        WHEN is_public AND was_hidden THEN 'restored'
                        WHEN is_public THEN 'published'
                        WHEN was_public AND NOT exists_still THEN 'deleted'
                        WHEN was_public THEN 'withdrawn'
                    END AS change,
                    CASE
                        WHEN was_public AND exists_still AND NOT is_public THEN withdrawn_reason
                    END AS reason
                FROM (
                    SELECT
                        id,
                        coalesce(before.deleted_at IS NULL AND before.state = 'published', false)
                            AND before.id IS NOT NULL AS was_public,
                        coalesce(after.deleted_at IS NULL AND after.state = 'published', false)
                            AND after.id IS NOT NULL AS is_public,
                        before.deleted_at IS NOT NULL OR before.state = 'withdrawn' AS was_hidden,
                        after.id IS NOT NULL AND after.deleted_at IS NULL AS exists_still,
                        after.withdrawn_reason,
                        -- Everything that the JSON of a clip shows, except for its plays.
                        (
                            before.title, before.description, before.genre, before.tags,
                            before.duration, before.audio_url, before.audio_file,
                            before.preview_start, before.preview_length, before.preview_fade_in,
                            before.preview_fade_out, before.creator, before.creator_url,
                            before.licence, before.isrc, before.content_type, before.size_bytes,
                            before.health, before.health_reason, before.health_since, before.audio,
                            before.renditions, before.created_at, before.updated_at
                        ) IS DISTINCT FROM (
                            after.title, after.description, after.genre, after.tags,
                            after.duration, after.audio_url, after.audio_file,
                            after.preview_start, after.preview_length, after.preview_fade_in,
                            after.preview_fade_out, after.creator, after.creator_url,
                            after.licence, after.isrc, after.content_type, after.size_bytes,
                            after.health, after.health_reason, after.health_since, after.audio,
                            after.renditions, after.created_at, after.updated_at
                        ) AS differs
                    FROM before FULL JOIN after USING (id)
                ) AS compared
            ) AS changed WHERE change IS NOT NULL
        ) AS numbered
        GROUP BY change, reason, portion ORDER BY change, reason, portion;
        IF NOT FOUND AND EXISTS ( -- lists show it, so the library's version must differ
            SELECT FROM before JOIN after USING (id)
            WHERE before.play_count <> after.play_count
                AND after.deleted_at IS NULL AND after.state = 'published'
        ) THEN
            INSERT INTO library_change DEFAULT VALUES;
        END IF;
    END IF;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE FUNCTION library_note_truncation() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO library_change (change, clips, difference)
    SELECT 'deleted', array_agg(id ORDER BY id), -count(*) FROM (
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / 10000 AS portion
        FROM library_clip WHERE deleted_at IS NULL AND state = 'published'
    ) AS deleted
    GROUP BY portion ORDER BY portion;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE FUNCTION library_note_tallies() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO library_change DEFAULT VALUES;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE TRIGGER clips_inserted AFTER INSERT ON library_clip
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_clips();
CREATE TRIGGER clips_deleted AFTER DELETE ON library_clip
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_clips();
CREATE TRIGGER clips_truncated BEFORE TRUNCATE ON library_clip
    FOR EACH STATEMENT EXECUTE FUNCTION library_note_truncation();
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

-- The changes with numbers above `after`, and at most `most` of them. Rows are read one by one until
-- these are enough. In a single statement, the planner would rather sort all changes.
CREATE FUNCTION library_changes_after(after bigint, most integer) RETURNS TABLE (
    seq bigint, clip bigint, change text, reason text, at timestamptz
) LANGUAGE plpgsql STABLE ROWS 100 AS $function$
DECLARE
    stored record;
    missing integer := most;
    size integer;
    passed integer; -- changes of the first row that are not above `after`
BEGIN
    FOR stored IN
        SELECT * FROM library_change AS changes
        WHERE last_seq > after AND changes.change IS NOT NULL ORDER BY last_seq
    LOOP
        size := cardinality(stored.clips); -- once, because a long array is stored compressed
        passed := greatest(0, after - stored.last_seq + size);
        RETURN QUERY
            SELECT
                stored.last_seq - size + passed + listed.place, listed.id, stored.change,
                stored.reason, stored.at
            FROM unnest(stored.clips[passed + 1:passed + missing])
                WITH ORDINALITY AS listed (id, place);
        missing := missing - (size - passed);
        EXIT WHEN missing <= 0;
    END LOOP;
END
$function$ SET enable_seqscan = off SET jit = off;

-- An array: the last number and the number of public clips, with the changes of this transaction,
-- and the plays since a time some quarters ago. A play belongs to the quarter of an hour in which
-- its transaction began, so each committed play is among them.
CREATE OR REPLACE FUNCTION library_token() RETURNS json LANGUAGE plpgsql STABLE AS $function$
DECLARE
    recent CONSTANT timestamptz := date_bin('15 minutes', now() - interval '45 minutes', 'epoch');
    seq bigint;
    available_clips bigint;
BEGIN
    SELECT last_seq, available INTO seq, available_clips FROM library_changestate;
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        SELECT
            seq + coalesce(sum(greatest(cardinality(change.clips), 1)), 0),
            available_clips + coalesce(sum(difference), 0)
        INTO seq, available_clips FROM library_change AS change WHERE last_seq IS NULL;
    END IF;
    RETURN json_build_array(
        seq,
        available_clips,
        extract(epoch FROM recent)::bigint,
        (SELECT coalesce(sum(plays), 0) FROM library_librarytally WHERE quarter >= recent)
    );
END
$function$ SET enable_seqscan = off SET jit = off;

-- The feed begins with the clips that are public now. Numbers continue after the ledger's, because
-- kept answers must not find one of their own again.
WITH portions AS (
    SELECT
        array_agg(id ORDER BY id) AS clips, portion,
        sum(count(*)) OVER (ORDER BY portion) AS number
    FROM (
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / 10000 AS portion
        FROM library_clip WHERE deleted_at IS NULL AND state = 'published'
    ) AS available GROUP BY portion
), ledger AS (
    SELECT coalesce(sum(changes), 0) AS seq FROM library_clipledger
)
INSERT INTO library_change (last_seq, change, at, clips, difference)
SELECT seq + number, 'published', clock_timestamp(), clips, cardinality(clips)
FROM portions, ledger ORDER BY portion;

INSERT INTO library_changestate (last_seq, last_change, available)
SELECT coalesce(max(last_seq), ledger.seq), coalesce(max(last_seq), 0), coalesce(sum(difference), 0)
FROM (SELECT coalesce(sum(changes), 0) AS seq FROM library_clipledger) AS ledger
LEFT JOIN library_change ON true GROUP BY ledger.seq;

DROP TABLE library_clipledger;
