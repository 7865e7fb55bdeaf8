"""Resolves requirements, and downloads their wheels, verified."""

from __future__ import annotations

import asyncio
import email
import io
import pathlib
import zipfile
from collections.abc import Callable
from datetime import datetime

import tufwalk
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name
from tufwalk import aio

from .pages import Wheel, best, page_path, wheels


class FlowError(Exception):
    """What is asked for cannot be had."""


class Index:
    """An index with its session."""

    def __init__(self, name: str, trusted_root: bytes, base_url: str, store: tufwalk.FolderStore) -> None:
        self.name = name
        self.trusted_root = trusted_root
        self.store = store
        self.metadata = tufwalk.Mirror(base_url.rstrip("/") + "/metadata/")
        self.targets = tufwalk.Mirror(base_url.rstrip("/") + "/targets/")
        self.session: tufwalk.Session

    def begin(self, now: datetime | None) -> tufwalk.Session:
        options = tufwalk.Options(lookahead=64)
        self.session = tufwalk.Session(self.trusted_root, self.store.load_stored(), now=now, options=options)
        return self.session

    async def find(self, path: str) -> tufwalk.Target:
        """Returns a target, or raises why there is none."""
        return (await self.find_all([path]))[0]

    async def find_all(self, paths: list[str]) -> list[tufwalk.Target]:
        lookups = [self.session.find(path) for path in paths]
        await aio.update(self.session, self.metadata, store=self.store)
        return [lookup.target() for lookup in lookups]


class Flow:
    """Downloads what some requirements need into a folder.

    The indexes are asked in turn. The next one is asked only if an index
    certainly does not have a project (NoTargetError): after any other error,
    somebody may have hidden it, and could have another project of that name
    installed.
    """

    def __init__(
        self,
        indexes: list[Index],
        folder: pathlib.Path,
        say: Callable[[str], None],
        report: Callable[[tufwalk.Progress], None] = lambda _: None,
    ) -> None:
        self.indexes, self.folder = indexes, folder
        self.say, self.report = say, report
        self.wanted: dict[str, list[Requirement]] = {}
        self.pages: dict[str, tuple[Index, list[Wheel]]] = {}
        self.chosen: dict[str, Wheel] = {}

    async def run(self, requirements: list[str], now: datetime | None = None) -> list[pathlib.Path]:
        """Returns the wheels, each of them verified."""
        sessions = [index.begin(now) for index in self.indexes]
        try:
            names = [self.want(Requirement(r)) for r in requirements]
            while names:
                names = await self.round(sorted(set(names)))
        finally:
            for session in sessions:
                session.close()
        return sorted(self.folder / wheel.file for wheel in self.chosen.values())

    def want(self, requirement: Requirement) -> str:
        name = canonicalize_name(requirement.name)
        if requirement.url:
            raise FlowError(f"{requirement}: a URL is not verified by an index")
        self.wanted.setdefault(name, []).append(requirement)
        return name

    async def round(self, names: list[str]) -> list[str]:
        """Downloads the wheels of some projects, and returns the names that these need."""
        for name in names:
            self.say(f"Collecting {self.wanted[name][-1]}")
            if name not in self.pages:
                self.pages[name] = await self.page(name)
        changed = []
        for name in names:
            index, listed = self.pages[name]
            wheel = best(name, listed, self.wanted[name])
            if wheel is None:
                raise FlowError(f"{index.name} has no wheel that meets {', '.join(map(str, self.wanted[name]))}")
            if self.chosen.get(name) != wheel:
                self.chosen[name] = wheel
                changed.append(wheel)
        needs: list[str] = []
        for index in self.indexes:
            own = [w for w in changed if self.pages[w.name][0] is index]
            if not own:
                continue
            targets = await index.find_all([w.path for w in own])
            bodies = await asyncio.gather(*(
                aio.download(t, index.targets, report=self.report, plain=True) for t in targets
            ))
            for wheel, target, body in zip(own, targets, bodies):
                self.say(f"  Downloaded {wheel.file} ({target.length} bytes), signed by {target.role} of {index.name}")
                (self.folder / wheel.file).write_bytes(body)
                needs += self.needs(wheel, body)
        return needs

    async def page(self, name: str) -> tuple[Index, list[Wheel]]:
        for index in self.indexes:
            try:
                target = await index.find(page_path(name))
            except tufwalk.NoTargetError:
                continue
            page = await aio.download(target, index.targets, report=self.report)
            return index, wheels(name, page)
        raise FlowError(f"no index has a project {name}")

    def needs(self, wheel: Wheel, body: bytes) -> list[str]:
        """Adds what a wheel requires, and returns the names."""
        extras = {e for r in self.wanted[wheel.name] for e in r.extras} or {""}
        names = []
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            file = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1)
            metadata = email.message_from_bytes(archive.read(file))
        for text in metadata.get_all("Requires-Dist", ()):
            requirement = Requirement(text)
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras):
                names.append(self.want(requirement))
        return names
