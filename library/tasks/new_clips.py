"""Workers notice new clips, so that adding one costs the client nothing.

`find_clips_to_analyse` finds those that were added while no worker ran.
"""

from typing import Any

from library.tasks.queue import AUDIO, BACKFILL, LAST

# More clips than FEW get one task instead of one each. The tasks are those of
# `defer(analyse_clip, clip_id=...)` and `defer(analyse_due_clips, queue=BACKFILL)`.
FEW = 100
LOCK = "clip {clip_id}"  # of both tasks that analyse one clip
_NOTICE = """
WITH added AS MATERIALIZED (
    SELECT id FROM library_clip
    WHERE created_at > now() - interval '2 minutes'
        AND deleted_at IS NULL AND state <> 'withdrawn'
        AND NOT EXISTS (SELECT FROM library_audioanalysis WHERE clip_id = library_clip.id)
    LIMIT %(few)s + 1
), number AS (
    SELECT count(*) AS clips FROM added
), wanted AS (
    SELECT 'analyse_clip' AS task, 'clip ' || id AS lock, %(audio)s AS queue, 0 AS priority,
        '{"clip_id":' || id || '}' AS args
    FROM added, number WHERE clips <= %(few)s
    UNION ALL
    SELECT 'analyse_due_clips', 'analyse_due_clips {}', %(backfill)s, %(last)s, '{}'
    FROM number WHERE clips > %(few)s
)
INSERT INTO procrastinate_jobs (task_name, queue_name, priority, lock, queueing_lock, args)
SELECT task, queue, priority, lock, task || ' ' || args, args::jsonb
FROM wanted
WHERE NOT EXISTS (
    SELECT FROM procrastinate_jobs running
    WHERE running.lock = wanted.lock AND running.status = 'doing'
) AND NOT EXISTS (
    SELECT FROM procrastinate_jobs waiting
    WHERE waiting.queueing_lock = 'download_clip ' || wanted.args AND waiting.status = 'todo'
)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
RETURNING id
"""


async def request_analyses(connector: Any) -> int:
    """Request analyses of the clips of the last minutes that have none. Return how many tasks."""
    rows = await connector.execute_query_all_async(
        _NOTICE, few=FEW, audio=AUDIO, backfill=BACKFILL, last=LAST
    )
    return len(rows)
