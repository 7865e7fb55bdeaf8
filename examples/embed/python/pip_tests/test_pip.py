"""The flow with the real pip. The worlds are written by the test in Go.

private: has forge 1.0, which needs bolt. private-new: has forge 2.0 as well.
public: has bolt 1.0 and a forge 9.0 of somebody else.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Iterator

WORLD = pathlib.Path(os.environ["TUFWALK_PIP_WORLD"])


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: pathlib.Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class PipTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copytree(WORLD, self.folder / "world")
        self.url = self.enterContext(serve(self.folder / "world"))

    def file(self, pattern: str) -> pathlib.Path:
        return next((self.folder / "world").glob(pattern))

    def install(self, *requirements: str, private: str = "private") -> subprocess.CompletedProcess[str]:
        index = ["--index", "private", str(self.folder / "world/private/root.json"), f"{self.url}/{private}"]
        index += ["--index", "public", str(self.folder / "world/public/root.json"), f"{self.url}/public"]
        shutil.rmtree(self.folder / "installed", ignore_errors=True)
        return subprocess.run(
            [sys.executable, "-m", "pip_tuf", *index, "--store", str(self.folder / "store"),
             "--now", "2030-01-01T12:00:00+00:00", *requirements, "--", "--target", str(self.folder / "installed")],
            capture_output=True, text=True, timeout=120, check=False,
        )

    def installed(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "installed").glob("*.dist-info"))

    def refused(self, done: subprocess.CompletedProcess[str], why: str) -> None:
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("ERROR: ", done.stderr)
        self.assertRegex(done.stderr, why)
        self.assertEqual(self.installed(), [])

    def test_honest(self) -> None:
        done = self.install("forge")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.installed(), ["bolt-1.0.dist-info", "forge-1.0.dist-info"])
        self.assertIn("Collecting forge\n  Downloaded forge-1.0-py3-none-any.whl", done.stdout)
        self.assertIn("Successfully installed", done.stdout)

    def test_version(self) -> None:
        self.assertEqual(self.install("forge<2", private="private-new").returncode, 0)
        self.assertEqual(self.installed(), ["bolt-1.0.dist-info", "forge-1.0.dist-info"])
        self.refused(self.install("forge>2", private="private-new"), "no wheel that meets forge>2")

    def test_tampered_wheel(self) -> None:
        wheel = self.file("private/targets/packages/forge-1.0-py3-none-any.whl")
        data = bytearray(wheel.read_bytes())
        data[len(data) // 2] ^= 1
        wheel.write_bytes(data)
        self.refused(self.install("forge"), "hash mismatch")

    def test_tampered_page(self) -> None:
        page = self.file("private/targets/simple/forge/*index.html")
        page.write_bytes(page.read_bytes().replace(b"1.0", b"6.6"))
        self.refused(self.install("forge"), "hash mismatch")

    def test_rollback(self) -> None:
        self.assertEqual(self.install("forge", private="private-new").returncode, 0)
        self.assertEqual(self.installed(), ["bolt-1.0.dist-info", "forge-2.0.dist-info"])
        self.refused(self.install("forge", private="private"), "rollback")

    def test_confusion(self) -> None:
        """The public index has a newer forge, which nobody asked for."""
        self.assertEqual(self.install("forge>=1").returncode, 0)
        self.assertIn("forge-1.0.dist-info", self.installed())

    def test_confusion_with_an_index_that_is_silent(self) -> None:
        """Anyone who can stop the private index must not put another in its place."""
        shutil.rmtree(self.folder / "world/private/metadata")
        self.refused(self.install("forge"), "timestamp.json could not be fetched")

    def test_confusion_with_a_page_that_is_gone(self) -> None:
        self.file("private/targets/simple/forge/*index.html").unlink()
        self.refused(self.install("forge"), "404")

    def test_no_project(self) -> None:
        self.refused(self.install("none"), "no index has a project none")


if __name__ == "__main__":
    unittest.main()
