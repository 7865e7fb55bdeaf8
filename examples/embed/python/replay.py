"""Plays recordings of the Go session through tufwalk.Session.

    python3 replay.py FOLDER         plays all recordings, and compares
    python3 replay.py --time N FILE  plays one N times, and prints milliseconds:
                                     to load the library, of the quickest run,
                                     and of a call

The first difference ends it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import sys
import time
from datetime import datetime
from typing import Any

import tufwalk
from tufwalk._library import Host


def read(file: pathlib.Path) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Returns the steps of a recording, and its bodies by hash."""
    steps, blobs = [], {}
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            step = json.loads(line)
            if "blob" in step:
                blobs[step["blob"]] = base64.b64decode(step["data"] or "")
            else:
                steps.append(step)
    return steps, blobs


def error_line(error: tufwalk.TufError) -> str:
    return f"{error.kind}: {error}".replace("\n", "; ")


def quoted(text: str) -> str:
    return json.dumps(text)


def boolean(value: bool) -> str:
    return "true" if value else "false"


class Player:
    """Plays one recording."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs
        self.sessions: dict[int, tufwalk.Session] = {}
        self.saved: list[str] = []

    def stored(self, step: dict[str, Any]) -> list[tufwalk.StoredFile]:
        return [tufwalk.StoredFile(name, self.blobs[blob]) for name, blob in step["stored"] or ()]

    def play(self, step: dict[str, Any]) -> list[str] | None:
        try:
            return getattr(self, step["do"])(step, self.sessions.get(step["session"]))
        except tufwalk.TufError as error:
            return [error_line(error)]

    def open(self, step: dict[str, Any], _: None) -> list[str]:
        now = datetime.fromisoformat(step["time"])
        session = tufwalk.Session(
            self.blobs[step["root"]], self.stored(step), now=now, options=tufwalk.Options(**step["options"])
        )
        self.sessions[step["session"]] = session
        return ["ok"]

    def renew(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        following = session.renew(self.stored(step), now=datetime.fromisoformat(step["time"]))
        self.sessions[step["next"]] = following
        return ["ok"]

    def find(self, step: dict[str, Any], session: tufwalk.Session) -> None:
        session.find(step["path"])

    def next(self, _: dict[str, Any], session: tufwalk.Session) -> list[str]:
        batch = session.next()
        if batch is None:
            return ["nothing"]
        self.saved = [r.store_name for r in batch.save]
        lines = [
            f"save {r.store_name} {r.role} {r.version} {len(r.data)} bytes {hashlib.sha256(r.data).hexdigest()}"
            for r in batch.save
        ]
        lines += [f"rejected {r.request.id} {error_line(r.error)}" for r in batch.rejected]
        lines += [
            f"fetch {r.id} {r.path} {r.role} {r.version} for {r.delegator}, at most {r.max_bytes} bytes, "
            f"store {quoted(r.store_name)}, optional {boolean(r.optional)}, ahead {boolean(r.ahead)}"
            for r in batch.fetch
        ]
        return lines + [self.done(lookup) for lookup in batch.done]

    @staticmethod
    def done(lookup: tufwalk.Lookup) -> str:
        try:
            t = lookup.target()
        except tufwalk.TufError as error:
            return f"done {lookup.path}: {error_line(error)}"
        hashes = " ".join(sorted(f"{name}:{digest}" for name, digest in t.hashes.items()))
        until = int(t.expires.timestamp())
        return f"done {t.path}: {t.role} {t.length} bytes {hashes} until {until} at {' '.join(t.url_paths)}"

    def save(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        return ["write " + " ".join(self.saved[i] for i in session.to_write(self.stored(step)))]

    def provide(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        session.provide(step["id"], self.blobs[step["body"]])
        return ["ok"]

    def provide_saved(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        session.provide_saved(step["id"], self.blobs[step["body"]])
        return ["ok"]

    def not_found(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        session.not_found(step["id"], [tufwalk.Said(**s) for s in step["said"]])
        return ["ok"]

    def fail(self, step: dict[str, Any], session: tufwalk.Session) -> list[str]:
        session.fail(step["id"], [tufwalk.Said(**s) for s in step["said"]])
        return ["ok"]

    @staticmethod
    def status(_: dict[str, Any], session: tufwalk.Session) -> list[str]:
        s = session.status()
        lines = [s.state if s.error is None else f"{s.state}: {error_line(s.error)}"]
        lines += [f"{r.role} {r.version}" for r in s.roles.values()]
        return lines + ["warning: " + error_line(w) for w in s.warnings]


def play(file: pathlib.Path) -> int:
    """Plays a recording, and returns how many steps it has."""
    steps, blobs = read(file)
    player = Player(blobs)
    for i, step in enumerate(steps, 1):
        got = player.play(step)
        if got != step["want"]:
            sys.exit(f"{file.name}: step {i}, {step['do']}:\nexpected {step['want']}\nfound    {got}")
    for session in player.sessions.values():
        session.close()
    return len(steps)


def measure(file: pathlib.Path, times: int) -> None:
    """Prints milliseconds: to load the library, of the quickest run, of a call."""
    begin = time.perf_counter()
    Host()
    start = time.perf_counter() - begin
    steps, blobs = read(file)
    best = float("inf")
    for _ in range(times):
        player = Player(blobs)
        begin = time.perf_counter()
        for step in steps:
            player.play(step)
        best = min(best, time.perf_counter() - begin)
        for session in player.sessions.values():
            session.close()
    with tufwalk.Session(blobs[steps[0]["root"]], now=datetime.fromisoformat(steps[0]["time"])) as session:
        begin = time.perf_counter()
        for _ in range(1000):
            session.wanted("1")
        each = (time.perf_counter() - begin) / 1000
    print(start * 1000, best * 1000, each * 1000)


def main() -> None:
    if sys.argv[1] == "--time":
        measure(pathlib.Path(sys.argv[3]), int(sys.argv[2]))
        return
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl"))
    steps = sum(play(file) for file in files)
    print(f"{len(files)} recordings, {steps} steps: the same")


if __name__ == "__main__":
    main()
