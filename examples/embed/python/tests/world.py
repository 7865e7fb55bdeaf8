"""A repository in a folder, and a server for it that can misbehave."""

from __future__ import annotations

import contextlib
import http.server
import os
import pathlib
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone

FOLDER = pathlib.Path(os.environ.get("TUFWALK_WORLD", "/nonexistent"))
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)


def trusted_root() -> bytes:
    return (FOLDER / "root.json").read_bytes()


class Server:
    """Serves the folder. changed has other bytes, or a status, by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.changed: dict[str, bytes | int] = {}
        self.asked: list[str] = []
        self.delay = 0.0
        self.at_once = 0
        self.most_at_once = 0


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            with lock:
                server.asked.append(path)
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            time.sleep(server.delay)
            with lock:
                server.at_once -= 1
            body = server.changed.get(path)
            if body is None:
                try:
                    body = (FOLDER / path).read_bytes()
                except OSError:
                    body = 404
            if isinstance(body, int):
                self.send_error(body)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has enough
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = Server(f"http://127.0.0.1:{listener.server_port}/")
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
