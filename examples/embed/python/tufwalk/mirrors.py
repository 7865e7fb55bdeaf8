"""Where files are fetched from."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Protocol

from .errors import NotAtSourceError

_PIECE = 1 << 16


class Source(Protocol):
    """A mirror. It may be called from several threads at a time."""

    name: str

    def fetch(self, path: str, max_bytes: int, received: Callable[[int], None] | None = None) -> bytes:
        """Returns a file, cut after max_bytes + 1 bytes.

        Raises NotAtSourceError if the source is live and does not have it, and
        OSError if that is not known. Calls received with the number of bytes
        that came so far.
        """

    def stream(self, path: str) -> Iterator[bytes]:
        """Yields the pieces of a file, with the same errors."""


class Mirror:
    """An HTTP server: paths are appended to the base URL as they are.

    timeout: seconds between two bytes. total: seconds for a metadata file.
    """

    def __init__(self, base_url: str, *, timeout: float = 15.0, total: float = 120.0) -> None:
        self.base_url = base_url if base_url.endswith("/") else base_url + "/"
        self.name = self.base_url
        self.timeout, self.total = timeout, total

    def __repr__(self) -> str:
        return f"Mirror({self.base_url!r})"

    def fetch(self, path: str, max_bytes: int, received: Callable[[int], None] | None = None) -> bytes:
        body = bytearray()
        end = time.monotonic() + self.total
        for piece in self.stream(path):
            body += piece[: max_bytes + 1 - len(body)]
            if received is not None:
                received(len(body))
            if len(body) > max_bytes:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"{path}: not complete after {self.total:g} seconds")
        return bytes(body)

    def stream(self, path: str) -> Iterator[bytes]:
        request = urllib.request.Request(
            self.base_url + path, headers={"Accept-Encoding": "identity", "User-Agent": "tufwalk-python"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                while piece := response.read1(_PIECE):
                    yield piece
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (404, 410):
                    raise NotAtSourceError(f"HTTP status {error.code}") from None
                raise OSError(f"HTTP status {error.code}") from None
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
