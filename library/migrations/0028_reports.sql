-- Close the open reports of a clip that leaves the library, in the same transaction, whatever changes
-- it. Plays change neither column, so they do not fire the trigger.
CREATE FUNCTION library_settle_reports() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE library_report SET
        closed_at = clock_timestamp(),
        outcome = CASE WHEN NEW.deleted_at IS NULL THEN 'withdrawn' ELSE 'deleted' END
    WHERE clip_id = NEW.id AND closed_at IS NULL;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT SET enable_seqscan = off SET jit = off;

CREATE TRIGGER clips_settled AFTER UPDATE OF state, deleted_at ON library_clip
    FOR EACH ROW WHEN (
        (OLD.state <> 'withdrawn' AND NEW.state = 'withdrawn')
        OR (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    ) EXECUTE FUNCTION library_settle_reports();
