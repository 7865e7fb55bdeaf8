from __future__ import annotations

import unittest
from datetime import datetime, timedelta, timezone

import tufwalk
from tufwalk._library import Host

from .world import FOLDER, NOW, trusted_root


def run(session: tufwalk.Session, store: tufwalk.MemoryStore | None = None) -> list[str]:
    """Answers all requests from the folder, and returns what was asked."""
    asked = []
    while (batch := session.next()) is not None:
        for record in batch.save:
            if store is not None:
                store.save(record)
        for request in batch.fetch:
            asked.append(request.path)
            file = FOLDER / "metadata" / request.path
            if file.exists():
                session.provide(request, file.read_bytes())
            else:
                session.not_found(request, [tufwalk.Said("the folder", absent=True)])
    return asked


class SessionTest(unittest.TestCase):
    def test_update(self) -> None:
        store = tufwalk.MemoryStore()
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            lookup = session.find("dev/app.txt")
            with self.assertRaises(tufwalk.MistakeError) as caught:
                lookup.target()
            self.assertEqual(caught.exception.reason, "pending")
            self.assertEqual(session.status().state, "in progress")
            self.assertEqual(
                run(session, store),
                ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json", "1.dev.json"],
            )
            session.check()
            target = lookup.target()
            self.assertEqual((target.role, target.length), ("dev", 10))
            self.assertEqual(target.expires.tzinfo, timezone.utc)
            self.assertEqual([step.role for step in lookup.trail()], ["targets", "dev"])
            self.assertEqual(sorted(session.status().roles), ["root", "snapshot", "targets", "timestamp"])

            with session.renew(store.load_stored(), now=NOW + timedelta(seconds=1)) as following:
                run(following, store)
                following.check()
            with session.copy() as other:
                again = other.find("app.txt")
                run(other)
                self.assertEqual(again.target().length, 5)

    def test_list(self) -> None:
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            for at_once in (0, 1, 16):
                listing, paths = session.list(at_once), []
                while not listing.done:
                    run(session)
                    paths += [target.path for target in listing.take()]
                listing.check()
                self.assertEqual(paths, ["app.txt", "dev/app.txt"])
                self.assertEqual((listing.take(), listing.left_out), ([], {}))
            with self.assertRaises(tufwalk.MistakeError):
                session.list(-1)

    def test_verifier(self) -> None:
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            lookup = session.find("app.txt")
            run(session)
            with lookup.verifier() as verifier:
                verifier.write(b"hel")
                verifier.write(b"lo")
                verifier.verify()
            with lookup.verifier() as verifier, self.assertRaises(tufwalk.WrongBytesError) as caught:
                verifier.write(b"hello, and more")
                verifier.verify()
            self.assertEqual(caught.exception.reason, "length")
            self.assertEqual(caught.exception.expected, 5)

    def test_no_target(self) -> None:
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            lookup = session.find("none")
            run(session)
            with self.assertRaises(tufwalk.NoTargetError) as caught:
                lookup.target()
            self.assertTrue(caught.exception.certain)
            self.assertEqual(caught.exception.path, "none")
            self.assertIsNotNone(caught.exception.expires)

    def test_rejected(self) -> None:
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            batch = session.next()
            assert batch is not None
            with self.assertRaises(tufwalk.WrongBytesError) as caught:
                session.provide(batch.fetch[0], b"{}")
            self.assertTrue(caught.exception.rejected)
            self.assertEqual(caught.exception.role, "root")
            self.assertTrue(session.wanted(batch.fetch[0]), "another source may have the right file")
            self.assertEqual(session.outstanding(), batch.fetch)
            with self.assertRaises(tufwalk.MistakeError) as caught2:
                session.provide("17", b"{}")
            self.assertFalse(caught2.exception.rejected)

    def test_expired(self) -> None:
        with tufwalk.Session(trusted_root(), now=datetime(2050, 1, 1, tzinfo=timezone.utc)) as session:
            batch = session.next()
            assert batch is not None
            session.not_found(batch.fetch[0])
            with self.assertRaises(tufwalk.ExpiredError) as caught:
                session.check()
            self.assertEqual(caught.exception.role, "root")

    def test_mistakes(self) -> None:
        with self.assertRaises(tufwalk.MistakeError):
            tufwalk.Session(b"not a root", now=NOW)
        with self.assertRaises(ValueError):
            tufwalk.Session(trusted_root(), now=datetime(2030, 1, 1))
        with self.assertRaises(tufwalk.MistakeError):
            tufwalk.Session(trusted_root(), now=NOW, options=tufwalk.Options(limits={"max_rot_bytes": 1}))
        session = tufwalk.Session(trusted_root(), now=NOW)
        session.close()
        session.close()
        with self.assertRaises(tufwalk.MistakeError):
            session.next()

    def test_abandon(self) -> None:
        with tufwalk.Session(trusted_root(), now=NOW) as session:
            session.abandon("no room on the disk")
            with self.assertRaisesRegex(tufwalk.StoreError, "no room on the disk"):
                session.check()

    def test_long_answers(self) -> None:
        host = Host()
        text = "x" * 300_000
        answer = host.raw(b'{"v":1,"call":"%s"}' % text.encode())
        self.assertIn(text.encode(), answer)
