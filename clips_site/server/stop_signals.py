"""A worker ends when it is told to, from its first moment on.

gunicorn reads its configuration anew when it reloads; this module is imported once.
"""

import os
import signal

STOP_AT_ONCE = (signal.SIGINT, signal.SIGQUIT)
STOP = (*STOP_AT_ONCE, signal.SIGTERM)


def end_at_once_when_told() -> None:
    """Have Ctrl-C end this worker at once.

    gunicorn 27's own handler takes a lock that the interrupted main thread may hold, and then
    hangs until it is killed; and Python would wait for every thread, so for the slowest listener.
    A play that is being recorded is rolled back by PostgreSQL, and its audio was not sent.
    SIGTERM is the graceful way: it lets streams end, for `graceful_timeout` seconds.
    """
    for number in STOP_AT_ONCE:
        signal.signal(number, lambda *_: os._exit(0))


def _begin_as_worker() -> None:
    end_at_once_when_told()
    # Until gunicorn's own handler is there, nothing is served that could be let end.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


# A worker has the master's signal handlers until it has its own, and what it is told meanwhile is
# lost: the master would wait for `graceful_timeout` and kill it. So what comes between waits.
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP),
    after_in_child=_begin_as_worker,
)
