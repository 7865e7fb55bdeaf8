"""What a session asks for and answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import TufError
    from .session import Lookup


def time_of(text: str | None) -> datetime | None:
    """Reads a time in UTC."""
    return None if text is None else datetime.fromisoformat(text)


def time_text(time: datetime) -> str:
    """Writes a time, which must have a time zone."""
    if time.tzinfo is None:
        raise ValueError("the time has no time zone: use datetime.now(timezone.utc)")
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True)
class Request:
    """A metadata file that the session asks for.

    path is to be appended to the metadata URL as it is. At most max_bytes + 1
    bytes of an answer are to be read. If store_name is empty, only a live
    source may answer. optional: that the file does not exist is an ordinary
    answer. ahead: the file is not needed yet.
    """

    id: str
    role: str
    delegator: str
    path: str
    max_bytes: int
    version: int = 0
    store_name: str = ""
    optional: bool = False
    ahead: bool = False


@dataclass(frozen=True)
class Record:
    """A trusted file that must be saved before anything else is done."""

    role: str
    version: int
    path: str
    store_name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Rejected:
    """A file that had been accepted ahead, and proved bad in its turn."""

    request: Request
    error: TufError


@dataclass(frozen=True)
class Batch:
    """What is to be done, in this order: save, rejected, fetch, done."""

    save: list[Record]
    rejected: list[Rejected]
    fetch: list[Request]
    done: list[Lookup]


@dataclass(frozen=True)
class Said:
    """What a source said to a request: that it does not have the file
    (absent), the wrong file of an error with rejected (its rejection), or
    another reason as a text."""

    name: str = ""
    text: str = ""
    absent: bool = False
    rejection: int = 0


@dataclass(frozen=True)
class StoredFile:
    """A file of the store: its bytes, or why it could not be read."""

    name: str
    data: bytes = field(default=b"", repr=False)
    error: str = ""


@dataclass(frozen=True)
class Target:
    """A file that may be downloaded, and used once it is verified.

    Each of url_paths, the first that exists, is to be appended to the URL for
    targets as it is. plain_url_path is the one without a digest, for hosts such
    as PyPI's. custom is signed JSON. From expires on the answer is out of date.
    lookup is None for a target of a list: to download it, find its path.
    """

    path: str
    role: str
    length: int
    hashes: dict[str, str]
    expires: datetime
    lookup: Lookup | None = field(repr=False, compare=False)
    url_paths: tuple[str, ...] = ()
    plain_url_path: str = ""
    custom: str = ""


@dataclass(frozen=True)
class Step:
    """A delegation that a search followed, and what came of it."""

    delegator: str
    role: str
    terminating: bool = False
    succinct: bool = False
    version: int = 0
    expires: datetime | None = None
    lists: bool = False
    bound: bool = False
    error: TufError | None = None


@dataclass(frozen=True)
class Role:
    """A trusted file of a top-level role."""

    role: str
    version: int
    expires: datetime


@dataclass(frozen=True)
class Status:
    """How an update is: "in progress", "succeeded" or "failed" by error."""

    state: str
    time: datetime
    roles: dict[str, Role]
    newest_root: int
    warnings: list[TufError]
    error: TufError | None = None
    expires: datetime | None = None
    chain_end: dict[str, Any] | None = None
