"""The C library, through ctypes."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import pathlib
import sys
import threading
import weakref
from typing import Any

from .errors import error_of

_BUFFER = 1 << 16  # bytes; longer answers take a second call


@functools.lru_cache(maxsize=None)
def _load() -> ctypes.CDLL:
    name = {"darwin": "libtufwalk.dylib", "win32": "tufwalk.dll"}.get(sys.platform, "libtufwalk.so")
    path = os.environ.get("TUFWALK_LIBRARY") or str(pathlib.Path(__file__).parent / name)
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"the C library of tufwalk is missing (TUFWALK_LIBRARY says where it is): {error}") from error
    library.tufwalk_new.restype = ctypes.c_int64
    library.tufwalk_new.argtypes = []
    library.tufwalk_free.restype = None
    library.tufwalk_free.argtypes = [ctypes.c_int64]
    library.tufwalk_call.restype = ctypes.c_int64
    library.tufwalk_call.argtypes = [
        ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
    ]
    library.tufwalk_answer.restype = ctypes.c_int64
    library.tufwalk_answer.argtypes = [ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t]
    return library


class Host:
    """A host of sessions. Threads may share it: calls wait for each other."""

    def __init__(self) -> None:
        self._library = _load()
        self._number = self._library.tufwalk_new()
        self._buffer = ctypes.create_string_buffer(_BUFFER)
        self._lock = threading.Lock()
        weakref.finalize(self, self._library.tufwalk_free, self._number)

    def raw(self, message: bytes) -> bytes:
        """Sends the bytes of a message, and returns those of the answer."""
        with self._lock:
            length = self._library.tufwalk_call(self._number, message, len(message), self._buffer, _BUFFER)
            if 0 <= length <= _BUFFER:
                return ctypes.string_at(self._buffer, length)
            large = ctypes.create_string_buffer(max(length, 1))
            self._library.tufwalk_answer(self._number, large, length)
            return ctypes.string_at(large, length)

    def call(self, name: str, *body: bytes, **members: Any) -> tuple[dict[str, Any], bytes]:
        """Sends a message. Raises the error of the answer."""
        line = json.dumps({"v": 1, "call": name, **members}).encode()
        text, _, rest = self.raw(b"".join((line, b"\n", *body))).partition(b"\n")
        answer = json.loads(text)
        if "error" in answer and "trail" not in answer:
            raise error_of(answer["error"])
        return answer, rest
