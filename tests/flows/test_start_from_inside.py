"""`rc serve` inside a session of the same box is refused, whatever the disguise: nothing ends, starts or is written."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.waiting import until

ORDINARY = 65534  # an account that is not root
# What a program does first so as not to look like one of a session.
DISGUISES = {
    "none": [],
    "env -i": ["/usr/bin/env", "-i", f"PATH={os.environ['PATH']}"],
    "setsid": ["setsid", "--fork", "--wait"],
    "all": ["/usr/bin/env", "-i", f"PATH={os.environ['PATH']}", "setsid", "--fork", "--wait"],
}


@pytest.fixture(params=[0, ORDINARY] if os.getuid() == 0 else [os.getuid()], ids=lambda uid: f"uid-{uid}")
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    for path in (tmp_path, project):
        os.chown(path, request.param, -1)
    with box_process(tmp_path, project, request.param) as started:
        yield started.start("--no-create-session-in-dir")


def inside(box: BoxProcess, begin: str = "true") -> dict[str, list[str]]:
    """What `rc serve` prints, in every form and disguise, within one session; its exit code is the last line."""
    forms = (
        ["serve", "-d", "--take-over", "--spawn", "same-dir"],
        ["serve", "--take-over", "--capacity", "1"],
        ["serve", "-d"],
        ["serve"],
    )
    said: dict[str, list[str]] = {}
    lines: list[str] = []
    for name, before in DISGUISES.items():
        for form in forms:
            words = [*before, *box.words, *form, "--state-dir", str(box.state), "--listen", "127.0.0.1:0"]
            file = box.project / f"said-{len(lines)}"
            said[f"{name}: {' '.join(form)}"] = [str(file)]
            lines.append(f"{shlex.join(words)} >{file} 2>&1; echo $? >>{file}")
    done = box.project / "done"
    box.new("sh", "-c", f"{begin}; {'; '.join(lines)}; touch {done}; sleep 600", name="inside")
    if begin != "true":
        box.end(signal.SIGKILL)
        (box.project / "begin").touch()
    until(done.exists, 60)
    return {name: Path(file).read_text().splitlines() for name, (file,) in said.items()}


def check(said: dict[str, list[str]]) -> None:
    for form, (*told, code) in said.items():
        assert code == "4", (form, told)
        assert len(told) == 1 and told[0].endswith("; run it in a terminal outside every session"), (form, told)


def test_the_box_that_runs_is_not_taken_over(box: BoxProcess) -> None:
    before = box.call("GET", "/v1/box")[1]
    check(inside(box))
    assert box.process is not None and box.process.poll() is None
    after = box.call("GET", "/v1/box")[1]
    assert {key: after[key] for key in ("epoch", "spawn_mode", "capacity")} == {
        key: before[key] for key in ("epoch", "spawn_mode", "capacity")
    }
    assert not (box.state / "serve.log").exists()
    assert [session["unresponsive"] for session in box.sessions()] == [False]


def test_a_box_that_has_ended_is_not_started(box: BoxProcess) -> None:
    lock = box.state / "supervisor.lock"
    before = lock.read_text()
    check(inside(box, f"until [ -e {box.project}/begin ]; do sleep 0.01; done"))
    assert lock.read_text() == before
    assert not (box.state / "serve.log").exists()
    box.start("--no-create-session-in-dir")  # by its owner, from outside
    assert [session["state"] for session in box.sessions()] == ["running"]


def test_another_box_may_be_started_from_inside(box: BoxProcess) -> None:
    said = box.project / "said"
    other = box.project / "other"
    words = [*box.words, "serve", "--json", "--listen", "127.0.0.1:0", "--no-create-session-in-dir", "--state-dir"]
    ends = [sys.executable, "-c", "import os, sys; os.kill(int(open(sys.argv[1]).read().split()[0]), 15)"]
    serve, end = shlex.join([*words, str(other)]), shlex.join([*ends, str(other / "supervisor.lock")])
    box.new(
        "sh",
        "-c",
        f"{serve} >{said} & until grep -q ready {said}; do sleep 0.01; done; {end}; wait; touch {said}.done; sleep 600",
    )
    until(Path(f"{said}.done").exists, 60)
    assert '"ready": true' in said.read_text()
