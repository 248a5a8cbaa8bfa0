"""An origin of which a part is good, a part slow, and a part fails; or all of it."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

AUDIO = sorted((Path(__file__).parents[2] / "fixtures/audio").glob("*.mp3"))
SLOW_SECONDS = 0.8  # before the first byte: more than the objective grants


class Origin(ThreadingHTTPServer):
    """Serves the sample clips under any name; `/slow/` late, `/gone/` not at all."""

    daemon_threads = True
    slow = False
    fails = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def __enter__(self) -> Self:
        return self


class _Handler(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        if self.server.fails or self.path.startswith("/gone/"):
            return self.send_error(503)
        if self.server.slow or self.path.startswith("/slow/"):
            time.sleep(SLOW_SECONDS)
        body = AUDIO[sum(self.path.encode()) % len(AUDIO)].read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=60")
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
