"""Installs packages from indexes that are verified by TUF, with the real pip.

python3 -m pip_tuf --index NAME ROOT URL [--index ...] [--store FOLDER] REQUIREMENT... [-- OPTION OF PIP...]

Each index has a name, the root file that is trusted, and a base URL with
metadata/ and targets/ below it. Indexes are asked in turn; the next one only if
one certainly does not have a project. Options after -- are those of pip
install, such as --target.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import subprocess
import sys
import tempfile
from datetime import datetime

import tufwalk

from .flow import Flow, FlowError, Index


def arguments(argv: list[str]) -> argparse.Namespace:
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(prog="pip_tuf", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--index", nargs=3, action="append", required=True, metavar=("NAME", "ROOT", "URL"))
    parser.add_argument("--store", default="~/.cache/pip_tuf", help="where trusted metadata is saved")
    parser.add_argument("--now", type=datetime.fromisoformat, help="the time, for tests; default: the clock's")
    parser.add_argument("requirements", nargs="+", metavar="REQUIREMENT")
    options = parser.parse_args(argv[:at])
    options.pip = argv[at + 1 :]
    return options


class Bars:
    """A line for what is downloaded last, on a terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()

    def __call__(self, p: tufwalk.Progress) -> None:
        if not self.shown or p.state not in ("received", "verified") or not p.total:
            return
        done = min(40, 40 * p.received // p.total)
        sys.stderr.write(f"\r     {'━' * done}{' ' * (40 - done)} {p.received}/{p.total} bytes")
        if p.state == "verified":
            sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def main(argv: list[str]) -> int:
    options = arguments(argv)
    store = pathlib.Path(options.store).expanduser()
    indexes = [
        Index(name, pathlib.Path(root).read_bytes(), url, tufwalk.FolderStore(store / name))
        for name, root, url in options.index
    ]
    with tempfile.TemporaryDirectory(prefix="pip_tuf-") as folder:
        flow = Flow(indexes, pathlib.Path(folder), lambda line: print(line, flush=True), Bars())
        try:
            asyncio.run(flow.run(options.requirements, options.now))
        except (FlowError, tufwalk.TufError, tufwalk.NotAtSourceError, OSError) as error:
            print(f"ERROR: {error}", file=sys.stderr)
            return 1
        # pip resolves again, from verified files alone.
        return subprocess.run(
            [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install",
             "--no-index", "--find-links", folder, *options.pip, *options.requirements],
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
