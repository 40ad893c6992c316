"""stdout or stderr closed, or a pipe that nobody reads: an exit code that says how it went, and no traceback."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.cli.overview import VERBS
from tests.flows.boxprocess import Answer, BoxProcess, box_process

STAY = {"serve", "acp", "service"}  # what begins something, or asks systemd
CLOSED_PIPE = "import os, sys; os.dup2(os.pipe()[1], int(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    home = tmp_path_factory.mktemp("home")
    (home / "app").mkdir()
    (home / "app" / "file").touch()
    with box_process(home, home / "app") as box:
        box.start("--no-create-session-in-dir").new("sh", "-c", "echo hello; sleep 600", name="here")
        yield box


def shell(box: BoxProcess, words: list[str], redirections: str) -> Answer:
    ran = box.run("sh", "-c", f"{shlex.join(words)} {redirections}")
    assert "Traceback" not in ran.stdout + ran.stderr and "Exception" not in ran.stderr, ran.stderr
    return Answer(ran.returncode, ran.stdout, ran.stderr)


def closed_pipe(box: BoxProcess, words: list[str], number: int) -> Answer:
    """With a pipe that nobody reads as stdout or stderr."""
    command = [box.words[0], "-c", CLOSED_PIPE, str(number), *words]
    ran = box.run(*command)
    assert "Traceback" not in ran.stdout + ran.stderr and "Exception" not in ran.stderr, ran.stderr
    return Answer(ran.returncode, ran.stdout, ran.stderr)


PRINTING = (
    *("ls", "ls --json", "show here", "path here", "status", "mode", "logs here", "logs here --terminal", "version"),
    *("doctor", "df", "-h", "rename here here", "files here", "exec here -- echo x", "attach here --view"),
)


@pytest.mark.parametrize("verb", PRINTING)
def test_what_cannot_be_printed_is_told(box: BoxProcess, verb: str) -> None:
    words = [*box.words, *verb.split()]
    answer = shell(box, words, ">&-")
    assert answer.code == 1 and "stdout is closed" in answer.err and answer.err.count("\n") == 1, answer
    assert shell(box, words, ">&- 2>&-").code == 1
    assert closed_pipe(box, words, 1).code == 141
    if "attach" not in verb:
        assert shell(box, words, "2>&-").code == 0
        assert closed_pipe(box, words, 2).code == 0


def test_a_refusal_is_one_whoever_hears_it(box: BoxProcess) -> None:
    for verb in ("show nobody", "show nobody --json", "stop nobody here-not", "logs nobody"):
        words = [*box.words, *verb.split()]
        answer = shell(box, words, ">&-")
        assert answer.code == 3 and "nobody" in answer.err
        assert [shell(box, words, closed).code for closed in ("2>&-", ">&- 2>&-", "<&- >&- 2>&-")] == [3, 3, 3]
        assert [closed_pipe(box, words, number).code for number in (1, 2)] == [3, 3]


def test_no_verb_breaks_where_there_is_no_box(box: BoxProcess, tmp_path: Path) -> None:
    before, box.environment = box.environment, {**box.environment, "RC_STATE_DIR": str(tmp_path / "none")}
    try:
        for verb in VERBS.keys() - STAY:
            assert shell(box, [*box.words, verb], ">&-").code in (1, 2, 3, 4, 5, 78), verb
    finally:
        box.environment = before


def test_a_box_serves_without_any_of_them(box: BoxProcess, tmp_path: Path) -> None:
    before, box.environment = box.environment, {**box.environment, "RC_STATE_DIR": str(tmp_path / "state")}
    try:
        serve = [*box.words, "serve", "--json", "--no-create-session-in-dir", "--listen", "127.0.0.1:0"]
        shell(box, serve, "<&- >&- 2>&- &\n until " + shlex.join([*box.words, "status"]) + " 2>&1; do sleep 0.1; done")
        assert box.rc("status").code == 0
        made = box.rc("new", "--json", "--", "sh", "-c", "echo hello; sleep 600").json
        assert box.rc("logs", made["id"], "--terminal").out in ("hello\n", "")
        assert box.rc("shutdown", "--sessions").code == 0
    finally:
        box.environment = before
    assert (tmp_path / "state" / "box.sqlite").read_bytes().startswith(b"SQLite format 3\0")
