"""The command line of the TUF conformance suite, on the Python package.

    conformance.py --metadata-dir D init ROOT
    conformance.py --metadata-dir D --metadata-url URL refresh
    conformance.py --metadata-dir D --metadata-url URL --target-name T ... \\
        --target-base-url URL --target-dir X download

VECTORS_TIME is the time in seconds since 1970; without it, the clock's. The
exit code is 0 for success, and 1 for a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import sys
import urllib.parse
from collections.abc import Iterator
from datetime import datetime, timezone

import tufwalk


class Folder:
    """The suite's folder: the newest root is trusted, too. One process uses it."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def load(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def save(self, record: tufwalk.Record) -> None:
        (self.path / (record.store_name + ".part")).write_bytes(record.data)
        os.replace(self.path / (record.store_name + ".part"), self.path / record.store_name)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        yield


def stored(folder: Folder) -> list[tufwalk.StoredFile]:
    files = ((name, folder.load(name)) for name in ("root.json", "timestamp.json", "snapshot.json"))
    return [tufwalk.StoredFile(name, data) for name, data in files if data is not None]


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description="The command line of the TUF conformance suite.")
    p.add_argument("--metadata-dir", type=pathlib.Path, required=True)
    p.add_argument("--metadata-url")
    p.add_argument("--target-name", action="append", default=[])
    p.add_argument("--target-base-url")
    p.add_argument("--target-dir", type=pathlib.Path)
    p.add_argument("--envelope-format", choices=["dsse"], default="classic")
    p.add_argument("command", choices=["init", "refresh", "download"])
    p.add_argument("root", nargs="?", type=pathlib.Path)
    return p


def joined(words: list[str]) -> list[str]:
    """Joins options and their values, which may begin with a dash."""
    out: list[str] = []
    while words and words[0].startswith("--") and len(words) > 1:
        out.append(f"{words[0]}={words[1]}")
        words = words[2:]
    return out + words


def main() -> None:
    args = parser().parse_args(joined(sys.argv[1:]))
    root = args.metadata_dir / "root.json"
    if args.command == "init":
        args.metadata_dir.mkdir(parents=True, exist_ok=True)
        root.write_bytes(args.root.read_bytes())
        return
    now = None
    if "VECTORS_TIME" in os.environ:
        now = datetime.fromtimestamp(int(os.environ["VECTORS_TIME"]), timezone.utc)
    folder = Folder(args.metadata_dir)
    options = tufwalk.Options(envelope_format=args.envelope_format)
    with tufwalk.Session(root.read_bytes(), stored(folder), now=now, options=options) as session:
        lookups = [session.find(path) for path in args.target_name]
        tufwalk.update(session, tufwalk.Mirror(args.metadata_url), store=folder)
        for lookup in lookups:
            target = lookup.target()
            data = tufwalk.download(target, tufwalk.Mirror(args.target_base_url))
            args.target_dir.mkdir(parents=True, exist_ok=True)
            (args.target_dir / urllib.parse.quote(target.path, safe="")).write_bytes(data)


if __name__ == "__main__":
    try:
        main()
    except (tufwalk.TufError, tufwalk.NotAtSourceError, OSError) as error:
        print(f"conformance.py: {error}", file=sys.stderr)
        sys.exit(1)
