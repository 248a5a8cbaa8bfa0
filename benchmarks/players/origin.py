"""The origin: a slow server on loopback, which also serves the page that browsers open."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit

PAGE = Path(__file__).with_name("page.html")
BYTES_PER_SECOND = 250_000  # the audio takes 1.5 to 4 s, so a player reads it while it comes in
PIECE = 5_000


class Origin(ThreadingHTTPServer):
    """Serves `/<anything>/<file>` from a folder, and what is under `/broken/` at first by half."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: Counter[str] = Counter()  # by path
        self.reports: dict[str, Queue[bytes]] = {}  # of browsers, by the path they were told
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked[path] += 1
        if path == "/page":
            return self._send(PAGE.read_bytes(), "text/html; charset=utf-8")
        file = self.server.folder / Path(path).name
        if not file.is_file():
            return self.send_error(404)
        body = file.read_bytes()
        breaks_off = path.startswith("/broken/") and self.server.asked[path] == 1
        return self._send(body, "audio/x-test", len(body) // 2 if breaks_off else len(body))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.reports[self.path].put(body)
        self._send(b"", "text/plain")

    def _send(self, body: bytes, content_type: str, stop: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        began = time.monotonic()
        for start in range(0, len(body) if stop is None else stop, PIECE):
            time.sleep(max(0, began + start / BYTES_PER_SECOND - time.monotonic()))
            self.wfile.write(body[start : min(start + PIECE, stop or len(body))])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
