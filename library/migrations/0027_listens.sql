-- Record listens. Times in a clip, and times between reports, are in milliseconds.

-- The parts heard after a report: those before, and the one from the last position to this one.
-- That one counts only if it is ahead and could be heard in the time since the last report, played at
-- up to twice the speed. An eighth is added for reports that take longer than others to arrive.
-- A listen has at most 50 separate parts, so that its row stays small: more are not added.
CREATE OR REPLACE FUNCTION library_heard_after(
    heard int4multirange, since integer, until integer, elapsed bigint
) RETURNS int4multirange IMMUTABLE LANGUAGE plpgsql AS $function$
DECLARE
    extended int4multirange;
BEGIN
    IF until <= since OR until - since > elapsed * 2.25 THEN
        RETURN heard;
    END IF;
    extended := heard + int4multirange(int4range(since, until));
    IF (SELECT count(*) FROM unnest(extended)) > 50 THEN
        RETURN heard;
    END IF;
    RETURN extended;
END
$function$;

CREATE OR REPLACE FUNCTION library_heard_length(heard int4multirange)
RETURNS integer IMMUTABLE LANGUAGE sql AS $function$
    SELECT coalesce(sum(upper(part) - lower(part)), 0)::integer FROM unnest(heard) AS part
$function$;

-- Bit n is set if at least half of the clip's twentieth n was heard. Only the twentieths between two
-- positions are compared.
CREATE OR REPLACE FUNCTION library_heard_twentieths(
    heard int4multirange, duration integer, since integer, until integer
) RETURNS integer IMMUTABLE LANGUAGE sql AS $function$
    SELECT coalesce(sum(1 << n), 0)::integer
    FROM generate_series(
        least(since * 20::bigint / duration, 19)::integer,
        least(until * 20::bigint / duration, 19)::integer
    ) AS n,
    LATERAL (
        SELECT int4range(
            (duration::bigint * n / 20)::integer, (duration::bigint * (n + 1) / 20)::integer
        ) AS twentieth
    ) AS bounds
    WHERE 2 * library_heard_length(heard * int4multirange(twentieth))
        >= upper(twentieth) - lower(twentieth) AND NOT isempty(twentieth)
$function$;

-- Record a report. The result is an outcome.
--   begun      It is the first report of this session and clip.
--   continued  It is a later one.
--   ended      The listen began more than a day ago.
--   refused    It would be the first, and `may_begin` is false.
--   missing    The public can't play this clip: it doesn't exist, or is deleted or not published.
--
-- PL/pgSQL keeps the plans of these statements for as long as the session lasts.
CREATE OR REPLACE FUNCTION library_record_listen(
    of_clip bigint, of_session uuid, reached integer, goes_on boolean, of_previews boolean,
    may_begin boolean
) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
    length integer;
    known library_listen;
    elapsed bigint;
    heard_now int4multirange;
    length_now integer;
BEGIN
    -- No commit waits for the disk: a crash may lose the reports of the last second.
    PERFORM set_config('synchronous_commit', 'off', true),
        -- A plan is made once, maybe while tables are empty, and must still be right when they grow.
        set_config('enable_seqscan', 'off', true),
        set_config('jit', 'off', true);

    SELECT greatest(1, round(1000 * coalesce(
        CASE WHEN of_previews THEN (
            SELECT (made->>'duration')::float FROM jsonb_array_elements(renditions) AS made
            WHERE made->>'part' = 'preview' LIMIT 1
        ) END,
        (audio->>'duration')::float,
        duration
    ))) INTO length FROM library_clip
    WHERE id = of_clip AND deleted_at IS NULL AND state = 'published';
    IF NOT FOUND THEN
        RETURN 'missing';
    END IF;

    -- The lock orders the reports of a session that arrive at the same time.
    SELECT * INTO known FROM library_listen
    WHERE clip_id = of_clip AND session = of_session FOR UPDATE;
    IF NOT FOUND THEN
        IF NOT may_begin THEN
            RETURN 'refused';
        END IF;
        INSERT INTO library_listen (
            clip_id, session, began_at, reported_at, position, playing, duration, heard,
            heard_length, credited, twentieths
        ) VALUES (
            of_clip, of_session, clock_timestamp(), clock_timestamp(), least(reached, length),
            goes_on, length, '{}', 0, 0, 0
        ) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN 'begun';
        END IF;
        SELECT * INTO known FROM library_listen
        WHERE clip_id = of_clip AND session = of_session FOR UPDATE;
    END IF;
    IF known.began_at <= clock_timestamp() - interval '1 day' THEN
        RETURN 'ended';
    END IF;

    reached := least(reached, known.duration);
    heard_now := known.heard;
    length_now := known.heard_length;
    elapsed := greatest(
        0, floor(1000 * extract(epoch FROM clock_timestamp() - known.reported_at))
    );
    IF known.playing THEN
        heard_now := library_heard_after(known.heard, known.position, reached, elapsed);
        length_now := library_heard_length(heard_now);
    END IF;
    UPDATE library_listen SET
        reported_at = clock_timestamp(),
        position = reached,
        playing = goes_on,
        heard = heard_now,
        heard_length = length_now,
        credited = known.credited + least(length_now - known.heard_length, elapsed),
        twentieths = CASE WHEN length_now > known.heard_length
            THEN known.twentieths | library_heard_twentieths(
                heard_now, known.duration, known.position, reached
            )
            ELSE known.twentieths
        END
    WHERE clip_id = of_clip AND session = of_session;
    RETURN 'continued';
END
$function$;
