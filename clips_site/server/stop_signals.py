"""Signal handlers that stop a worker from its first moment on.

This is a separate module because gunicorn executes its configuration again at each reload, while
the handlers below must be registered only once.
"""

import os
import signal

STOP_AT_ONCE = (signal.SIGINT, signal.SIGQUIT)
STOP = (*STOP_AT_ONCE, signal.SIGTERM)


def exit_at_once_on_interrupt() -> None:
    """Let SIGINT (Ctrl-C) and SIGQUIT exit this worker at once.

    gunicorn 27's own handler takes a lock that the interrupted main thread may hold; the worker
    then hangs until it is killed. And Python waits for every thread before it exits, so for the
    slowest listener. PostgreSQL rolls back a play that is being recorded, and its audio was not
    sent. SIGTERM is the graceful way: streams may end, for up to `graceful_timeout` seconds.
    """
    for number in STOP_AT_ONCE:
        signal.signal(number, lambda *_: os._exit(0))


def _start_as_worker() -> None:
    exit_at_once_on_interrupt()
    # Nothing is served until gunicorn installs its own handler, so there is nothing to wait for.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


# Until a worker installs its handlers, it has the master's, and a signal would be lost: the
# master would wait for `graceful_timeout` and then kill it. So signals are blocked in between.
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP),
    after_in_child=_start_as_worker,
)
