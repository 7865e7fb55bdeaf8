"""The asyncio driver: files are fetched in parallel, a few at a time.

Sources block, so they run in threads. All calls to the session come from the
event loop's thread. Give the session Options(lookahead=64), so that it asks for
several files at a time::

    async with asyncio.timeout(60):
        await tufwalk.aio.update(session, mirror, store=store, concurrency=8, report=show)
"""

from __future__ import annotations

import asyncio

from .drivers import Progress, Report, give_up, note, offer_saved, silent
from .drivers import download as _download
from .errors import NotAtSourceError, TufError
from .mirrors import Source
from .session import Session
from .stores import Store, save_batch
from .values import Request, Said, Target

__all__ = ["download", "update"]


async def update(
    session: Session,
    *sources: Source,
    store: Store | None = None,
    concurrency: int = 8,
    report: Report = silent,
) -> None:
    """Runs an update to its end, like :func:`tufwalk.update`.

    report is called in the event loop's thread. If the task is cancelled, the
    update can be given up or be begun again with another session.
    """
    slots = asyncio.Semaphore(concurrency)
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            batch = session.next()
            if batch is None:
                if not tasks:
                    break
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                continue
            if store is not None and batch.save:
                save_batch(session, store, batch)  # first, and with nothing between
            for request in batch.fetch:
                tasks.add(asyncio.create_task(_answer(session, request, sources, store, slots, report)))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    session.check()


async def _answer(
    session: Session,
    request: Request,
    sources: tuple[Source, ...],
    store: Store | None,
    slots: asyncio.Semaphore,
    report: Report,
) -> None:
    async with slots:
        if not session.wanted(request):
            return
        report(Progress(request, "begun", total=request.max_bytes))
        if offer_saved(session, request, store):
            report(Progress(request, "stored"))
            return
        said: list[Said] = []
        for source in sources:
            try:
                body = await _fetch(source, request, report)
                if not session.wanted(request):
                    return
                session.provide(request, body)
            except (NotAtSourceError, OSError, TufError) as error:
                note(request, source, error, said, report)
            else:
                report(Progress(request, "verified", len(body), len(body)))
                return
        if session.wanted(request):
            give_up(session, request, said)


async def _fetch(source: Source, request: Request, report: Report) -> bytes:
    loop = asyncio.get_running_loop()

    def received(n: int) -> None:
        loop.call_soon_threadsafe(report, Progress(request, "received", n, request.max_bytes))

    return await asyncio.to_thread(source.fetch, request.path, request.max_bytes, received)


async def download(target: Target, *sources: Source, report: Report = silent, plain: bool = False) -> bytes:
    """Downloads a target in a thread, like :func:`tufwalk.download`."""
    loop = asyncio.get_running_loop()

    def from_thread(progress: Progress) -> None:
        loop.call_soon_threadsafe(report, progress)

    return await asyncio.to_thread(_download, target, *sources, report=from_thread, plain=plain)
