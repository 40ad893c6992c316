"""Many sessions asked for at once, each in a worktree of its own, beside git alone; and one more, meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.lines import Silent
from tests.bench.peers import ROOT
from tests.bench.rcbox import Box
from tests.bench.stage import Place, Round, Values, quantile, turned
from tests.bench.typing_stages import box_of

IDENTITY = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "init.defaultBranch=main"]


def make_repository(folder: Path, files: int) -> None:
    """A repository with one commit of so many files of about a kilobyte, 50 a directory."""
    for number in range(files):
        path = folder / f"part{number // 50}" / f"file{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"file {number}\n" * 80, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, *IDENTITY, "commit", "-q", "-m", "All files")


def git(folder: Path, *words: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *words], cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def creation(place: Place) -> Iterator[Round]:
    """Seconds until the last of all sessions is there and until git alone has made as many trees; failures.

    Each round has a new box and new repositories, so that no round pays for the trees of the one before.
    """

    def round_(number: int) -> Values:
        folder = place.new_folder(f"round{number}")
        try:
            return _round(Place(folder, place.program, place.scale), number)
        finally:
            shutil.rmtree(folder)

    yield round_


def _round(place: Place, number: int) -> Values:
    count = place.scale.sessions
    project, other = place.new_folder("project"), place.new_folder("other")
    for repository in (project, other):
        make_repository(repository, place.scale.files)
    values: Values = {}
    with box_of(place, project, "--spawn", "worktree", "--capacity", str(count)) as box:
        for name in turned(["rc", "git"], number):
            if name == "git":
                values["git.seconds"] = _git_alone(other, place.folder / "trees", count)
            else:
                values |= _ask_for_all(box, count)
    values["ratio"] = values["rc.seconds"] / values["git.seconds"]
    return values


def _git_alone(repository: Path, trees: Path, count: int) -> float:
    begun = time.perf_counter()
    for number in range(count):
        git(repository, "worktree", "add", "-q", "-b", f"bench-{number}", str(trees / str(number)))
    return time.perf_counter() - begun


class _Asker(threading.Thread):
    """One client: asks for a session, then waits for the first octet of its terminal."""

    def __init__(self, box: Box, at_once: threading.Barrier) -> None:
        super().__init__()
        self.failure: object = None
        self.made = self.seen = 0.0
        self._box = box
        self._at_once = at_once

    def run(self) -> None:
        self._at_once.wait()
        begun = time.perf_counter()
        try:
            status, answer = self._box.request("POST", "/v1/code/sessions", self._box.wish())
            self.made = time.perf_counter() - begun
            if status != 201:
                self.failure = answer
                return
            self._box.open_ready(answer["id"]).close()
            self.seen = time.perf_counter() - begun
        except (OSError, http.client.HTTPException, Silent) as error:
            self.failure = error


def _ask_for_all(box: Box, count: int) -> Values:
    refusals = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.prober", box.socket, str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    at_once = threading.Barrier(count)
    askers = [_Asker(box, at_once) for _ in range(count)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    told, _ = refusals.communicate(b"")
    failures = [asker for asker in askers if asker.failure is not None]
    for asker in failures:
        sys.stderr.write(f"a session failed: {asker.failure}\n")
    times = json.loads(told or b"[]")
    return {
        "rc.seconds": max(asker.made for asker in askers),
        "first.p95": quantile([asker.seen for asker in askers], 0.95),
        "failures": float(len(failures)),
        "refusal.p99": quantile(times, 0.99) * 1e3 if times else 0.0,
        "refusals": float(len(times)),
    }
