"""The session: no I/O, all decisions."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from ._library import Host
from .errors import MistakeError, TufError, error_of
from .values import (
    Batch, Record, Rejected, Request, Role, Said, Status, Step, StoredFile, Target, time_of, time_text,
)


@dataclass(frozen=True)
class Options:
    """How a session judges. docs/embedding.md says what each one means.

    lookahead: how many files may be asked for before they are needed. The
    asyncio driver gains by 64.
    limits: such as {"max_targets_bytes": 1_000_000}.
    """

    envelope_format: str = "classic"
    lookahead: int = 0
    every_source: bool = False
    succinct_fall_through: bool = False
    strict_key_ids: bool = False
    strict_times: bool = False
    allowed_schemes: tuple[str, ...] | None = None
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def _message(self) -> dict[str, Any]:
        # Not asdict, which copies what is in limits.
        members = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        members["limits"] = dict(self.limits)
        return members


class Session:
    """One update of one client's view of one repository.

    trusted_root is the root file that came with the program. stored are the
    files that earlier updates saved (:meth:`Store.load_stored`). now is the
    time by which expiry is judged; without it, the clock's.

    A session may be used by one thread at a time. Close it, or use it in a
    with statement; a session that is garbage is closed as well.
    """

    def __init__(
        self,
        trusted_root: bytes,
        stored: Iterable[StoredFile] = (),
        *,
        now: datetime | None = None,
        options: Options = Options(),
    ) -> None:
        files = list(stored)
        host = Host()
        answer, _ = host.call(
            "open", trusted_root, *_bodies(files), time=_now(now), trusted_root=len(trusted_root),
            stored=_names(files), options=options._message(),
        )
        self._begin(host, answer["session"])

    def _begin(self, host: Host, number: int) -> None:
        self._host, self._number = host, number
        self._lookups: dict[int, Lookup] = {}
        self._close = weakref.finalize(self, _close, host, number)

    @classmethod
    def _made(cls, host: Host, number: int) -> Session:
        session = cls.__new__(cls)
        session._begin(host, number)
        return session

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the session, with its lookups and verifiers."""
        self._close()

    def _call(self, name: str, *body: bytes, **members: Any) -> tuple[dict[str, Any], bytes]:
        return self._host.call(name, *body, session=self._number, **members)

    def find(self, path: str) -> Lookup:
        """Begins the search for a target path, at any time."""
        answer, _ = self._call("find", path=path)
        lookup = Lookup(self, answer["lookup"], path)
        self._lookups[lookup._number] = lookup
        return lookup

    def list(self, at_once: int = 16) -> Listing:
        """Begins to list every target that a lookup would find.

        at_once: how many files may be asked for before the list comes to them.
        """
        return Listing(self, self._call("list", at_once=at_once)[0]["list"])

    def next(self) -> Batch | None:
        """Returns what is to be done; None: nothing until a request is answered."""
        answer, body = self._call("next")
        batch = answer["batch"]
        if not batch["more"]:
            return None
        save, at = [], 0
        for record in batch.get("save", ()):
            length = record.pop("length")
            save.append(Record(data=body[at : at + length], **record))
            at += length
        return Batch(
            save=save,
            rejected=[Rejected(Request(**r["request"]), error_of(r["error"])) for r in batch.get("rejected", ())],
            fetch=[Request(**r) for r in batch.get("fetch", ())],
            done=[self._lookups[n] for n in batch.get("done", ())],
        )

    def to_write(self, stored: Iterable[StoredFile]) -> list[int]:
        """Compares the records of the last batch with what is stored now.

        Returns the indexes of those to write, in order. For a store that
        several processes share: call it, and write, under the store's lock.
        Raises SupersededError if another process has stored something newer.
        """
        files = list(stored)
        answer, _ = self._call("save", *_bodies(files), stored=_names(files))
        return answer["write"]

    def abandon(self, why: object) -> None:
        """Makes the session useless, since a record could not be saved."""
        self._call("abandon", text=str(why) or type(why).__name__)

    def provide(self, request: Request | str, body: bytes) -> None:
        """Answers a request with a file from any source.

        Raises an error with rejected if the file is wrong; the request is then
        still open, for another source.
        """
        self._call("provide", body, id=_id(request))

    def provide_saved(self, request: Request | str, body: bytes) -> None:
        """Answers a request with the file of its store_name, from the store."""
        self._call("provide_saved", body, id=_id(request))

    def not_found(self, request: Request | str, said: Iterable[Said] = ()) -> None:
        """Answers that live sources say that the file does not exist."""
        self._call("not_found", id=_id(request), said=[vars(s) for s in said])

    def fail(self, request: Request | str, said: Iterable[Said] = (), *, why: object = "") -> None:
        """Gives a request up: no source could answer it well."""
        self._call("fail", id=_id(request), said=[vars(s) for s in said], text=str(why))

    def wanted(self, request: Request | str) -> bool:
        """Whether an answer to the request still means anything."""
        return self._call("wanted", id=_id(request))[0]["wanted"]

    def outstanding(self) -> list[Request]:
        """Returns the open requests."""
        return [Request(**r) for r in self._call("outstanding")[0]["outstanding"]]

    def status(self) -> Status:
        """Returns how the update is."""
        s = self._call("status")[0]["status"]
        return Status(
            state=s["state"],
            time=_time(s["time"]),
            roles={r["role"]: Role(r["role"], r["version"], _time(r["expires"])) for r in s["roles"]},
            newest_root=s["newest_root"],
            warnings=[error_of(w) for w in s.get("warnings", ())],
            error=error_of(s["error"]) if "error" in s else None,
            expires=time_of(s.get("expires")),
            chain_end=s.get("chain_end"),
        )

    def check(self) -> None:
        """Raises what ended the update, unless it succeeded."""
        status = self.status()
        if status.error is not None:
            raise status.error
        if status.state == "in progress":
            raise MistakeError("the update is not over: there are open requests", reason="in progress")

    def renew(self, stored: Iterable[StoredFile] = (), *, now: datetime | None = None) -> Session:
        """Begins the next update. This session goes on answering."""
        files = list(stored)
        answer, _ = self._call("renew", *_bodies(files), time=_now(now), stored=_names(files))
        return self._made(self._host, answer["session"])

    def copy(self) -> Session:
        """Returns a session with the same view."""
        return self._made(self._host, self._call("copy")[0]["session"])


class Lookup:
    """The search for one target path. Session.find makes it."""

    def __init__(self, session: Session, number: int, path: str) -> None:
        self._session, self._number = session, number
        self.path = path

    def __repr__(self) -> str:
        return f"<Lookup of {self.path!r}>"

    def target(self) -> Target:
        """Returns what was found.

        Raises NoTargetError if there is certainly none, UncertainError if a
        mirror can have hidden it, and otherwise what kept the search from an
        answer.
        """
        return _target(self._session._call("target", lookup=self._number)[0]["target"], self)

    def trail(self) -> list[Step]:
        """Returns each delegation that the search followed: why the target is trusted."""
        steps = []
        for s in self._session._call("target", lookup=self._number, trail=True)[0].get("trail", ()):
            error = error_of(s.pop("error")) if "error" in s else None
            expires = time_of(s.pop("expires", None))
            steps.append(Step(expires=expires, error=error, **s))
        return steps

    def drop(self) -> None:
        """Forgets the lookup: nothing more is asked for on its account."""
        self._session._call("drop", lookup=self._number)
        self._session._lookups.pop(self._number, None)

    def verifier(self) -> Verifier:
        """Returns a verifier for one download of the target."""
        return Verifier(self._session, self._session._call("verifier", lookup=self._number)[0]["verifier"])


class Listing:
    """A list of every target. Session.list makes it.

        listing = session.list()
        while not listing.done:
            tufwalk.update(session, mirror)
            for target in listing.take():
                ...
        listing.check()

    left_out: paths that a role lists and whose search has no answer, and why.
    """

    def __init__(self, session: Session, number: int) -> None:
        self._session, self._number = session, number
        self._error: TufError | None = None
        self.done = False
        self.left_out: dict[str, TufError] = {}

    def take(self) -> list[Target]:
        """Returns the next targets, and asks for the files that come then."""
        if self.done:
            return []
        listed = self._session._call("listed", list=self._number)[0]["listed"]
        for left in listed.get("left_out", ()):
            self.left_out[left["path"]] = error_of(left["error"])
        self.done = listed["done"]
        if "error" in listed:
            self._error = error_of(listed["error"])
        return [_target(t, None) for t in listed.get("targets", ())]

    def check(self) -> None:
        """Raises why the list is not whole, once it is done."""
        if self._error is not None:
            raise self._error


class Verifier:
    """Verifies the bytes of a target as they come.

    The bytes must not be used before :meth:`verify` has returned. After an
    error, begin again with another verifier.
    """

    def __init__(self, session: Session, number: int) -> None:
        self._session, self._number, self._open = session, number, True

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the verifier. Leaving the block verifies nothing."""
        self.close()

    def write(self, data: bytes) -> None:
        """Adds the next bytes. Raises as soon as they cannot be right."""
        self._session._call("write", bytes(data), verifier=self._number)

    def verify(self) -> None:
        """Raises unless the file was whole and right. Closes the verifier."""
        self._open = False
        self._session._call("verify", verifier=self._number)

    def close(self) -> None:
        """Closes the verifier without a result."""
        if self._open:
            try:
                self.verify()
            except TufError:
                pass


def _target(t: dict[str, Any], lookup: Lookup | None) -> Target:
    t["expires"], t["url_paths"] = _time(t["expires"]), tuple(t.get("url_paths", ()))
    return Target(lookup=lookup, **t)


def _close(host: Host, number: int) -> None:
    try:
        host.call("close", session=number)
    except TufError:
        pass  # an internal error has closed it


def _id(request: Request | str) -> str:
    return request if isinstance(request, str) else request.id


def _now(now: datetime | None) -> str:
    return time_text(datetime.now(timezone.utc) if now is None else now)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _names(files: list[StoredFile]) -> list[dict[str, Any]]:
    return [{"name": f.name, "length": 0 if f.error else len(f.data), "error": f.error} for f in files]


def _bodies(files: list[StoredFile]) -> list[bytes]:
    return [f.data for f in files if not f.error]
