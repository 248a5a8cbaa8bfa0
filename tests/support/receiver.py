"""An HTTP server that stands in for Sentry or a trace collector and keeps what it receives."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue


class Receiver:
    """Answers each POST with an empty 200; `received` contains the paths and bodies in order.

    `authorizations` contains the values of the header.
    """

    def __init__(self) -> None:
        received: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        authorizations: set[str | None] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                authorizations.add(self.headers["Authorization"])
                received.put((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.received = received
        self.authorizations = authorizations
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
