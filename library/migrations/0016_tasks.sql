-- The last error of each task. procrastinate keeps none.
CREATE TABLE library_taskerror (
    job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs ON DELETE CASCADE,
    message text NOT NULL,
    at timestamptz NOT NULL
);

-- How often the attempts of each task ended in which way, and how long they took.
CREATE TABLE library_tasktally (
    task text NOT NULL,
    outcome text NOT NULL, -- succeeded, retried, failed or aborted
    attempts bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    -- The attempts in each interval between two bounds. The last one has no upper bound.
    intervals bigint[] NOT NULL,
    PRIMARY KEY (task, outcome)
);

CREATE FUNCTION library_task_bounds() RETURNS double precision[] IMMUTABLE LANGUAGE sql AS
'SELECT ''{0.1,0.5,1,5,15,60,300,900,3600}''::double precision[]';

-- Seeds the tallies of a task with zeros, so that Prometheus sees the first increase.
CREATE FUNCTION library_seed_task_tallies(tasks text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO library_tasktally (task, outcome, intervals)
    SELECT task, outcome, array_fill(0, ARRAY[cardinality(library_task_bounds()) + 1])
    FROM unnest(tasks) task, unnest('{succeeded,retried,failed,aborted}'::text[]) outcome
    ON CONFLICT DO NOTHING
$$;

-- Counts an attempt in the transaction that ends it: whichever process that is, it counts once.
CREATE FUNCTION library_tally_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended CONSTANT text := CASE NEW.status WHEN 'todo' THEN 'retried' ELSE NEW.status::text END;
    took double precision;
    place integer;
BEGIN
    SELECT coalesce(extract(epoch FROM now() - max(at)), 0) INTO took
    FROM procrastinate_events WHERE job_id = NEW.id AND type = 'started';
    place := width_bucket(took, library_task_bounds()) + 1;
    PERFORM library_seed_task_tallies(ARRAY[NEW.task_name]);
    UPDATE library_tasktally SET
        attempts = attempts + 1, seconds = seconds + took, intervals[place] = intervals[place] + 1
    WHERE task = NEW.task_name AND outcome = ended;
    RETURN NULL;
END
$$;

CREATE TRIGGER library_tally_task AFTER UPDATE OF status ON procrastinate_jobs
FOR EACH ROW WHEN (OLD.status = 'doing' AND NEW.status <> 'doing')
EXECUTE FUNCTION library_tally_task();

-- For their number, which Prometheus asks for, and their list.
CREATE INDEX library_failed_tasks ON procrastinate_jobs (task_name) WHERE status = 'failed';
