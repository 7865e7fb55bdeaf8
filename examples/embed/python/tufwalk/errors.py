"""Errors: a class for each thing that a program can do about one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .values import time_of


class TufError(Exception):
    """An error of the library.

    kind: what a program can do about it; each kind has its class.
    reason: finer than the kind, such as "threshold" or "hash".
    role, version, path: which file it is about, as far as the error has them.
    expected, found: what was compared: versions, lengths, digests or times.
    rejected: a source sent a wrong file; its request is still open.
    rejection: the number of that file, for :class:`Said`.
    """

    kind = "unknown"

    def __init__(self, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.reason: str = facts.get("reason", "")
        self.role: str = facts.get("role", "")
        self.version: int = facts.get("version", 0)
        self.path: str = facts.get("path", "")
        self.expected: Any = facts.get("expected")
        self.found: Any = facts.get("found")
        self.rejected: bool = facts.get("rejected", False)
        self.rejection: int = facts.get("rejection", 0)


class UnreachableError(TufError):
    """No source had the file, or none could be asked. Try again later."""

    kind = "unreachable"


class LimitError(TufError):
    """A limit was reached: a file is too large, or the limits are too low."""

    kind = "limit"


class ExpiredError(TufError):
    """What there is has expired, or our clock is wrong."""

    kind = "expired"


class RollbackError(TufError):
    """A version is lower than one that was trusted before."""

    kind = "rollback"


class WrongBytesError(TufError):
    """A source sent something wrong. Ask another one, and tell the operator."""

    kind = "wrong bytes"


class _NoAnswer(TufError):
    def __init__(self, text: str, **facts: Any) -> None:
        super().__init__(text, **facts)
        self.certain: bool = facts.get("certain", False)
        self.unbound: list[str] = facts.get("unbound", [])
        self.expires: datetime | None = time_of(facts.get("expires"))


class NoTargetError(_NoAnswer):
    """There is no such target, for certain."""

    kind = "no target"


class UncertainError(_NoAnswer):
    """There seems to be no such target, but a mirror can have hidden it.

    A program must not ask another repository or index because of it.
    """

    kind = "uncertain"


class MistakeError(TufError):
    """The caller's mistake."""

    kind = "mistake"


class StoreError(TufError):
    """Our own store, or what is in it."""

    kind = "store"


class SupersededError(TufError):
    """Another process has saved something newer. Begin again from the store."""

    kind = "superseded"


class InternalError(TufError):
    """A defect of the library. The session is closed."""


class NotAtSourceError(Exception):
    """A source is live, and says that it does not have the file."""


_CLASSES: dict[str, type[TufError]] = {
    c.kind: c
    for c in (
        UnreachableError, LimitError, ExpiredError, RollbackError, WrongBytesError, NoTargetError, UncertainError,
        MistakeError, StoreError, SupersededError,
    )
}


def error_of(facts: dict[str, Any]) -> TufError:
    """Makes an exception of the error in an answer."""
    facts = dict(facts)
    text, kind = facts.pop("text"), facts.pop("kind")
    cls = InternalError if facts.get("internal") else _CLASSES.get(kind, TufError)
    return cls(text, **facts)
