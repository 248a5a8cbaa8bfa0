"""A receiver of webhooks on loopback, which verifies every message, and can misbehave."""

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook as Verifier

from library.changes import feed
from library.models import ChangeKind, Webhook
from library.models.webhook import new_secret

# Called with the handler of the request, after its body was read.
Misbehave = Callable[[BaseHTTPRequestHandler], object]


class Received(NamedTuple):
    """A request that the receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class HookReceiver:
    """Answers each POST with 204, or with the next of `answers`: a status, or a function."""

    def __init__(self) -> None:
        received: list[Received] = []
        answers: list[int | Misbehave] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
                answer = answers.pop(0) if answers else 204
                with suppress(OSError):  # the client may have left
                    if callable(answer):
                        answer(self)
                    else:
                        respond(self, answer)

            def log_message(self, *_: object) -> None:
                pass

        self.received = received
        self.answers = answers
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """Return the messages received; fail if the signature of one is wrong."""
        return [Verifier(secret).verify(each.body, each.headers) for each in self.received]

    def changes(self) -> list[tuple[int, str]]:
        """Return the ids and kinds of all changes received, in their order."""
        found = []
        for each in self.received:
            document = Verifier(Webhook.objects.get().secret).verify(each.body, each.headers)
            found += [(c["id"], c["change"]) for c in document["data"]["changes"]]
        return found


def respond(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    """Send a response with a short body."""
    body = b"" if status == 204 else b"said the receiver"
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a response."""
    handler.connection.shutdown(2)


def make_webhook(url: str, *changes: str, **fields: Any) -> Webhook:
    """Make a webhook that gets the changes from now on."""
    return Webhook.objects.create(
        name="Search index",
        url=url,
        changes=list(changes) or [str(kind) for kind in ChangeKind],
        secret=new_secret(),
        cursor=feed.latest(),
        **fields,
    )
