from __future__ import annotations

import asyncio
import tempfile
import unittest

import tufwalk
from tufwalk import aio

from .world import NOW, FOLDER, serve, trusted_root

FIRST = ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json", "1.dev.json"]


def metadata(names: list[str]) -> list[str]:
    return [name.removeprefix("metadata/") for name in names]


class BlockingTest(unittest.TestCase):
    def test_update_and_download(self) -> None:
        events: list[tuple[str, str]] = []
        with serve() as server, tempfile.TemporaryDirectory() as folder:
            mirror = tufwalk.Mirror(server.url + "metadata")
            store = tufwalk.FolderStore(folder)
            with tufwalk.Session(trusted_root(), store.load_stored(), now=NOW) as session:
                lookup = session.find("dev/app.txt")
                tufwalk.update(session, mirror, store=store, report=lambda p: events.append((p.of.path, p.state)))
                target = lookup.target()
                data = tufwalk.download(target, tufwalk.Mirror(server.url + "targets/"))
                self.assertEqual(data, b"hello, dev")
            self.assertEqual(metadata(server.asked)[:-1], FIRST)
            self.assertIn(("2.root.json", "absent"), events)
            self.assertIn(("1.dev.json", "verified"), events)

            server.asked.clear()  # the next program asks for what may have changed
            with tufwalk.Session(trusted_root(), store.load_stored(), now=NOW) as session:
                session.find("dev/app.txt")
                tufwalk.update(session, mirror, store=store)
            self.assertEqual(metadata(server.asked), ["2.root.json", "timestamp.json"])

    def test_second_mirror(self) -> None:
        """A mirror that is down, and one that sends junk, do not stop it."""
        with serve() as down, serve() as junk, serve() as good:
            for name in FIRST:
                down.changed["metadata/" + name] = 500
                junk.changed["metadata/" + name] = b'{"signatures":[],"signed":{}}'
            junk.changed["targets/" + self.target_path()] = b"other"
            mirrors = [tufwalk.Mirror(s.url + "metadata/") for s in (down, junk, good)]
            with tufwalk.Session(trusted_root(), now=NOW) as session:
                lookup = session.find("app.txt")
                tufwalk.update(session, *mirrors)
                self.assertTrue(session.status().warnings)
                targets = [tufwalk.Mirror(s.url + "targets/") for s in (junk, good)]
                self.assertEqual(tufwalk.download(lookup.target(), *targets), b"hello")
                with self.assertRaises(tufwalk.WrongBytesError):
                    tufwalk.download(lookup.target(), targets[0])

    def test_nobody(self) -> None:
        with serve() as server:
            server.changed["metadata/timestamp.json"] = 503
            with tufwalk.Session(trusted_root(), now=NOW) as session:
                with self.assertRaisesRegex(tufwalk.UnreachableError, "HTTP status 503") as caught:
                    tufwalk.update(session, tufwalk.Mirror(server.url + "metadata/"))
                self.assertEqual(caught.exception.role, "timestamp")

    def test_too_long(self) -> None:
        with serve() as server:
            server.changed["metadata/timestamp.json"] = b"x" * 1_000_000
            mirror = tufwalk.Mirror(server.url + "metadata/")
            self.assertEqual(len(mirror.fetch("timestamp.json", 100)), 101)
            with tufwalk.Session(trusted_root(), now=NOW) as session, self.assertRaises(tufwalk.LimitError) as caught:
                tufwalk.update(session, mirror)
            self.assertEqual(caught.exception.expected, 32_768)
            self.assertEqual(caught.exception.found, 32_769)

    def test_full_disk(self) -> None:
        class Full(tufwalk.MemoryStore):
            def save(self, record: tufwalk.Record) -> None:
                raise OSError("no room")

        with serve() as server, tufwalk.Session(trusted_root(), now=NOW) as session:
            lookup = session.find("app.txt")
            with self.assertRaises(tufwalk.StoreError):
                tufwalk.update(session, tufwalk.Mirror(server.url + "metadata/"), store=Full())
            with self.assertRaises(tufwalk.StoreError):
                lookup.target()

    @staticmethod
    def target_path() -> str:
        return next(p.name for p in (FOLDER / "targets").glob("*app.txt"))


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    async def test_in_parallel(self) -> None:
        with serve() as server:
            server.delay = 0.05
            mirror = tufwalk.Mirror(server.url + "metadata/")
            states: list[str] = []
            options = tufwalk.Options(lookahead=64)
            with tufwalk.Session(trusted_root(), now=NOW, options=options) as session:
                lookups = [session.find("app.txt"), session.find("dev/app.txt")]
                await aio.update(session, mirror, concurrency=4, report=lambda p: states.append(p.state))
                self.assertGreater(server.most_at_once, 1)
                self.assertLessEqual(server.most_at_once, 4)
                self.assertIn("received", states)
                targets = tufwalk.Mirror(server.url + "targets/")
                files = await asyncio.gather(*(aio.download(lookup.target(), targets) for lookup in lookups))
                self.assertEqual(files, [b"hello", b"hello, dev"])

    async def test_one_at_a_time(self) -> None:
        with serve() as server:
            server.delay = 0.02
            options = tufwalk.Options(lookahead=64)
            with tufwalk.Session(trusted_root(), now=NOW, options=options) as session:
                session.find("dev/app.txt")
                await aio.update(session, tufwalk.Mirror(server.url + "metadata/"), concurrency=1)
                self.assertEqual(server.most_at_once, 1)

    async def test_cancelled(self) -> None:
        with serve() as server:
            server.delay = 0.3
            with tufwalk.Session(trusted_root(), now=NOW) as session:
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await aio.update(session, tufwalk.Mirror(server.url + "metadata/"))
                self.assertEqual(session.status().state, "in progress")

    async def test_refused(self) -> None:
        with serve() as server:
            server.changed["metadata/2.snapshot.json"] = b"{}"
            with tufwalk.Session(trusted_root(), now=NOW) as session:
                with self.assertRaises(tufwalk.WrongBytesError) as caught:
                    await aio.update(session, tufwalk.Mirror(server.url + "metadata/"))
                self.assertEqual(caught.exception.path, "2.snapshot.json")


class StoreTest(unittest.TestCase):
    def test_shared(self) -> None:
        """What another process has stored meanwhile is not written again."""

        class Counting(tufwalk.MemoryStore):
            written = 0

            def save(self, record: tufwalk.Record) -> None:
                self.written += 1
                super().save(record)

        store = Counting()
        with serve() as server:
            mirror = tufwalk.Mirror(server.url + "metadata/")
            slow = tufwalk.Session(trusted_root(), store.load_stored(), now=NOW)
            with slow, tufwalk.Session(trusted_root(), now=NOW) as session:
                tufwalk.update(session, mirror, store=store)
                self.assertGreater(store.written, 0)
                store.written = 0
                saved = dict(store.files)
                tufwalk.update(slow, mirror, store=store)
            self.assertEqual(store.files, saved)
            self.assertEqual(store.written, 1, "only a targets file is not compared")
