"""Where trusted files are saved between updates."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import ContextManager, Protocol

from .errors import StoreError
from .session import Session
from .values import Batch, Record, StoredFile

_TOP_LEVEL = ("root.json", "timestamp.json", "snapshot.json")
_MAX_BYTES = 1 << 28  # of a saved file that is read


class Store(Protocol):
    """A store of one repository's files."""

    def load(self, name: str) -> bytes | None:
        """Returns a saved file; None if there is none. What it returns is verified."""

    def save(self, record: Record) -> None:
        """Saves a record durably, in the place of an older one."""

    def lock(self) -> ContextManager[None]:
        """Keeps other processes from saving."""


def load_stored(store: Store) -> list[StoredFile]:
    """Returns what an update begins with."""
    files = []
    for name in _TOP_LEVEL:
        try:
            data = store.load(name)
        except OSError as error:
            files.append(StoredFile(name, error=str(error) or type(error).__name__))
            continue
        if data is not None:
            files.append(StoredFile(name, data))
    return files


def save_batch(session: Session, store: Store, batch: Batch) -> None:
    """Saves the records of a batch, compared with what other processes saved.

    Ends the session with a StoreError if that fails.
    """
    if not batch.save:
        return
    try:
        with store.lock():
            for i in session.to_write(load_stored(store)):
                store.save(batch.save[i])
    except OSError as error:
        session.abandon(error)
        raise StoreError(f"a trusted file could not be saved: {error}", reason="save") from error


class MemoryStore:
    """A store that ends with the program."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self.files.get(name)

    def save(self, record: Record) -> None:
        self.files[record.store_name] = record.data

    def lock(self) -> ContextManager[None]:
        return contextlib.nullcontext()

    def load_stored(self) -> list[StoredFile]:
        """Returns what an update begins with."""
        return load_stored(self)


class FolderStore:
    """A folder, which several processes may share. It is made if it is missing."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder).expanduser()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load(self, name: str) -> bytes | None:
        try:
            with open(self.folder / name, "rb") as file:
                return file.read(_MAX_BYTES)
        except FileNotFoundError:
            return None

    def save(self, record: Record) -> None:
        fd, temporary = tempfile.mkstemp(prefix=".tufwalk-", dir=self.folder)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(record.data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.folder / record.store_name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        if os.name == "posix":
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds a lock on the folder. On Windows there is none."""
        try:
            import fcntl
        except ImportError:
            yield
            return
        fd = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def load_stored(self) -> list[StoredFile]:
        """Returns what an update begins with."""
        return load_stored(self)
