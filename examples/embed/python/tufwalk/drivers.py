"""The blocking driver: one file after the other, with urllib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from .errors import MistakeError, NotAtSourceError, TufError
from .mirrors import Source
from .session import Session
from .stores import Store, save_batch
from .values import Request, Said, Target


@dataclass(frozen=True)
class Progress:
    """What a driver reports.

    of is a metadata request or a target. state is "begun", "received",
    "stored" (the store had it), "verified", "absent", "rejected" or "failed".
    total is the length of a target, and a limit for metadata.
    """

    of: Union[Request, Target]
    state: str
    received: int = 0
    total: int = 0
    error: Exception | None = None


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Reports nothing."""


def update(session: Session, *sources: Source, store: Store | None = None, report: Report = silent) -> None:
    """Runs an update to its end. The sources are asked in turn.

    Raises what ended the update: see Session.check. Whether a lookup found its
    target, Lookup.target says. Call it again after more calls of Session.find.
    """
    while (batch := session.next()) is not None:
        if store is not None:
            save_batch(session, store, batch)
        for request in batch.fetch:
            if session.wanted(request):
                _answer(session, request, sources, store, report)
    session.check()


def offer_saved(session: Session, request: Request, store: Store | None) -> bool:
    """Answers a request from the store, if that has the right file."""
    if store is None or not request.store_name:
        return False
    try:
        data = store.load(request.store_name)
        if data is None:
            return False
        session.provide_saved(request, data)
    except (OSError, TufError):
        return False
    return True


def give_up(session: Session, request: Request, said: list[Said]) -> None:
    """Ends a request that no source has answered well."""
    if any(s.absent for s in said):
        session.not_found(request, said)
    else:
        session.fail(request, said, why="" if said else "there is no live source")


def note(request: Request, source: Source, error: Exception, said: list[Said], report: Report) -> None:
    """Notes why a source's answer is none, or raises what is not the source's fault."""
    if isinstance(error, TufError) and not error.rejected:
        raise error
    state, what = what_said(source, error)
    said.append(what)
    report(Progress(request, state, error=error))


def what_said(source: Source, error: Exception) -> tuple[str, Said]:
    """Returns the state of a source's answer, and what it said."""
    text = str(error) or type(error).__name__
    if isinstance(error, NotAtSourceError):
        return "absent", Said(source.name, text, absent=True)
    if isinstance(error, TufError):
        return "rejected", Said(source.name, text, rejection=error.rejection)
    return "failed", Said(source.name, text)


def _answer(
    session: Session, request: Request, sources: tuple[Source, ...], store: Store | None, report: Report
) -> None:
    report(Progress(request, "begun", total=request.max_bytes))
    if offer_saved(session, request, store):
        report(Progress(request, "stored"))
        return
    said: list[Said] = []
    for source in sources:
        try:
            body = source.fetch(
                request.path, request.max_bytes,
                lambda n: report(Progress(request, "received", n, request.max_bytes)),
            )
            session.provide(request, body)
        except (NotAtSourceError, OSError, TufError) as error:
            note(request, source, error, said, report)
        else:
            report(Progress(request, "verified", len(body), len(body)))
            return
    give_up(session, request, said)


def download(target: Target, *sources: Source, report: Report = silent, plain: bool = False) -> bytes:
    """Downloads a target, and returns its verified bytes.

    plain: the host has the file under its path without a digest, as PyPI does.
    The sources are asked in turn, also after wrong bytes; if none has the file,
    the last error is raised.
    """
    if target.lookup is None:
        raise MistakeError(f"{target.path!r} is of a list: find it to download it", path=target.path)
    paths = target.url_paths
    if plain and target.plain_url_path:
        paths = (target.plain_url_path,)
    if not paths:
        raise MistakeError(f"{target.path!r} cannot be made a safe URL path", reason="path", path=target.path)
    last: Exception = NotAtSourceError(f"{target.path}: there is no source")
    for source in sources:
        for path in paths:
            try:
                return _download(target, source, path, report)
            except (NotAtSourceError, OSError, TufError) as error:
                report(Progress(target, what_said(source, error)[0], total=target.length, error=error))
                last = error
    raise last


def _download(target: Target, source: Source, path: str, report: Report) -> bytes:
    assert target.lookup is not None
    parts, received = [], 0
    report(Progress(target, "begun", total=target.length))
    with target.lookup.verifier() as verifier:
        for piece in source.stream(path):
            verifier.write(piece)  # raises at the first byte too many
            parts.append(piece)
            received += len(piece)
            report(Progress(target, "received", received, target.length))
        verifier.verify()
    report(Progress(target, "verified", received, target.length))
    return b"".join(parts)
