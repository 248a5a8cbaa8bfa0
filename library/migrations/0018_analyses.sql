-- New clips are analysed. The trigger requests it in the statement that adds them, so that adding a
-- clip takes no second statement. Its tasks are those of `defer(analyse_clip, clip_id=id)`.
--
-- More clips than these are left to the task that looks for clips without analysis.
CREATE FUNCTION library_request_analyses() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF (SELECT count(*) FROM added) > 100 THEN
        RETURN NULL;
    END IF;
    INSERT INTO procrastinate_jobs (task_name, queue_name, priority, lock, queueing_lock, args)
    SELECT 'analyse_clip', 'audio', 0, key, key, args::jsonb
    FROM added,
        LATERAL (SELECT format('{"clip_id":%s}', added.id)) AS arguments (args),
        LATERAL (SELECT 'analyse_clip ' || args) AS job (key)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING;
    RETURN NULL;
END
$function$ SET search_path FROM CURRENT;

CREATE TRIGGER clips_to_analyse AFTER INSERT ON library_clip
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION library_request_analyses();
