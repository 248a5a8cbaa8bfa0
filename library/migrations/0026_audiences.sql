-- Record plays: events, counters and tallies. The caller waits for the disk afterwards.
--
-- `requests` is an array of objects, the fields of library.plays.record.Play. The result is an
-- array with an array for each of them: an outcome, the number of the event, and its time.
--   recorded  The number is null if the request continues an earlier play.
--   missing   The public can't play this clip: it doesn't exist, or is deleted or not published.
--   changed   The clip's `updated_at` is not the `version` that the request was decided with.
--   locked    Another transaction holds the clip's row. Only if `skip_locked` is true; if it is
--             false, the call waits, and fails after `row_lock_timeout`.
--
-- It replaces that of 0012_recording.sql, which does not count the plays by people. Processes of the
-- last version call it too.
--
-- PL/pgSQL keeps the plans of these statements for as long as the session lasts.
CREATE OR REPLACE FUNCTION library_record_plays(
    requests json,
    row_lock_timeout text,
    skip_locked boolean,
    tally_slot smallint,
    most_referrers integer,
    other_referrers text
) RETURNS json LANGUAGE plpgsql AS $function$
DECLARE
    wanted bigint[] := ARRAY(
        SELECT (request->>'clip_id')::bigint FROM json_array_elements(requests) AS request
    );
    held bigint[];
    results json;
BEGIN
    -- Locks are held until the commit, and a commit is as slow as the disk, so all plays of a
    -- popular clip would queue for the disk. This commit therefore doesn't wait for it.
    PERFORM set_config('synchronous_commit', 'off', true),
        set_config('lock_timeout', row_lock_timeout, true),
        -- A generic plan serves every group, because planning takes longer than recording. It is
        -- made once, maybe while tables are empty, and must still be right when they have grown.
        set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('enable_seqscan', 'off', true),
        set_config('jit', 'off', true),
        set_config('clips.recording', 'on', true);  -- see the triggers of the ledger of clips

    -- Rows are locked in the order of their ids, so that groups of several processes can't
    -- deadlock. The next statement starts once the locks are held, so it sees every play of these
    -- clips that has been committed, and no other transaction can record one in between.
    IF skip_locked THEN
        held := ARRAY(
            SELECT id FROM library_clip WHERE id = ANY(wanted)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        );
    ELSE
        held := ARRAY(
            SELECT id FROM library_clip WHERE id = ANY(wanted) ORDER BY id FOR NO KEY UPDATE
        );
    END IF;

    -- A ranged request continues an earlier play if its listener began one of this clip within the
    -- clip's duration (`is_same`). `nth` finds such pairs within the group. Subqueries with LIMIT
    -- read an index for each play; with EXISTS, PostgreSQL might hash all events instead.
    WITH judged AS MATERIALIZED (
        SELECT
            number, clip.id AS clip_id, clip.duration, kind, listener, listener_before, client,
            referrer,
            CASE
                WHEN (deleted_at IS NULL AND state = 'published') IS NOT TRUE THEN 'missing'
                WHEN clip.id <> ALL(held) THEN 'locked'
                WHEN version <> updated_at THEN 'changed'
                ELSE 'recorded'
            END AS outcome
        FROM ROWS FROM (json_to_recordset(requests) AS (
            clip_id bigint, kind text, listener uuid, listener_before uuid, client text,
            referrer text, version timestamptz
        )) WITH ORDINALITY AS play (
            clip_id, kind, listener, listener_before, client, referrer, version, number
        )
        LEFT JOIN library_clip AS clip ON clip.id = play.clip_id
    ), requested AS MATERIALIZED (
        SELECT
            nextval('library_playevent_number') AS id, number, clip_id, kind, listener, client,
            client IN ('browser', 'player', 'app') AS is_person, -- library.models.PEOPLE
            row_number() OVER (PARTITION BY clip_id, kind, listener ORDER BY number) AS nth,
            listener IS NOT NULL AND (
                SELECT true FROM library_playevent AS event
                WHERE event.clip_id = play.clip_id AND event.listener = play.listener
                AND event.played_at >= date_trunc('day', now(), 'UTC') LIMIT 1
            ) IS NULL AS is_new,
            kind = 'ranged' AND listener IS NOT NULL AND (
                SELECT true FROM library_playevent AS event
                WHERE event.clip_id = play.clip_id
                AND event.listener IN (play.listener, play.listener_before)
                AND event.kind = 'ranged'
                AND event.played_at > now() - make_interval(secs => play.duration)
                AND event.played_at > now() - interval '1 hour' LIMIT 1
            ) IS NOT NULL AS is_same,
            CASE
                WHEN referrer = '' OR most_referrers > (
                    SELECT count(*) FROM library_audiencetally AS tally
                    WHERE tally.clip_id = play.clip_id
                    AND tally.day = (now() AT TIME ZONE 'UTC')::date
                ) OR (
                    SELECT true FROM library_audiencetally AS tally
                    WHERE tally.clip_id = play.clip_id
                    AND tally.day = (now() AT TIME ZONE 'UTC')::date
                    AND tally.client = play.client AND tally.referrer = play.referrer
                ) THEN referrer
                ELSE other_referrers
            END AS referrer
        FROM judged AS play WHERE outcome = 'recorded'
    ), played AS MATERIALIZED (
        SELECT *, now() AS played_at FROM requested
        WHERE kind = 'plain' OR listener IS NULL OR (nth = 1 AND NOT is_same)
    ), events AS (
        INSERT INTO library_playevent (id, clip_id, played_at, kind, listener, client, referrer)
        SELECT id, clip_id, played_at, kind, listener, client, referrer FROM played
    ), counted AS (
        UPDATE library_clip SET
            play_count = play_count + plays,
            people_count = people_count + people,
            first_played_at = least(first_played_at, now()),
            last_played_at = greatest(last_played_at, now())
        FROM (
            SELECT clip_id, count(*) AS plays, count(*) FILTER (WHERE is_person) AS people
            FROM played GROUP BY clip_id
        ) AS sums
        WHERE library_clip.id = sums.clip_id
    ), tallied AS (
        INSERT INTO library_playtally AS tally (clip_id, quarter, plays, people)
        SELECT
            clip_id, date_bin('15 minutes', now(), 'epoch'), count(*),
            count(*) FILTER (WHERE is_person)
        FROM played GROUP BY clip_id
        ON CONFLICT (clip_id, quarter) DO UPDATE SET
            plays = tally.plays + excluded.plays,
            -- It is unknown only during the migration, which counts the plays of this quarter later.
            people = coalesce(tally.people, 0) + excluded.people
    ), audience AS (
        INSERT INTO library_audiencetally AS tally
            (clip_id, day, client, referrer, plays, listeners)
        SELECT
            clip_id, (now() AT TIME ZONE 'UTC')::date, client, referrer, count(*),
            count(*) FILTER (WHERE is_new AND first)
        FROM (
            SELECT
                *, row_number() OVER (PARTITION BY clip_id, listener ORDER BY number) = 1 AS first
            FROM played
        ) AS numbered
        GROUP BY clip_id, client, referrer
        ON CONFLICT (clip_id, day, client, referrer) DO UPDATE SET
            plays = tally.plays + excluded.plays,
            listeners = tally.listeners + excluded.listeners
    ), library AS (
        INSERT INTO library_librarytally AS tally (quarter, slot, plays, people)
        SELECT
            date_bin('15 minutes', now(), 'epoch'), tally_slot, count(*),
            count(*) FILTER (WHERE is_person)
        FROM played HAVING count(*) > 0
        ON CONFLICT (quarter, slot) DO UPDATE SET
            plays = tally.plays + excluded.plays,
            people = tally.people + excluded.people
    )
    SELECT json_agg(json_build_array(outcome, played.id, now()) ORDER BY number) INTO results
    FROM judged LEFT JOIN played USING (number);
    RETURN results;
END
$function$;
