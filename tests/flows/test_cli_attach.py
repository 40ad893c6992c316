"""`rc attach` as a person has it: a real terminal, a real box, and boxes that die."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.people import Person, person
from tests.supervisor.cli.calling import call
from tests.supervisor.web.boxes import ServedBox, serving
from tests.waiting import until

LEAVE, TAKE = "\x1dd", "\x1dt"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    with serving(tmp_path_factory.mktemp("attach")) as box:
        yield box


def shell(box: ServedBox) -> str:
    """A terminal session with a prompt that can be waited for: its name."""
    made = box.new(command=["sh"], env={"PS1": "ready> ", "ENV": ""})
    return str(made["name"])


def attach(box: ServedBox, name: str, *words: str) -> tuple[str, ...]:
    return ("--state-dir", str(box.state_dir), "attach", name, *words)


def test_a_person_types_leaves_and_comes_back(box: ServedBox) -> None:
    name = shell(box)
    with person(*attach(box, name)) as ana:
        ana.sees("ready> ")
        ana.type("echo $((40 + 2))\r")
        ana.sees("42\r\n")
        ana.type(LEAVE)
        ana.sees(f"rc: detached; rc attach {name} comes back")
        assert ana.leaves() == 0
        assert ana.has_it_back
    with person(*attach(box, name)) as ana:
        ana.sees("42\r\n")
        ana.type("exit 3\r")
        ana.sees(f"rc: {name} exited: exit 3")
        assert ana.leaves() == 0
        assert ana.has_it_back


def test_the_program_has_the_size_of_the_terminal(box: ServedBox) -> None:
    name = shell(box)
    with person(*attach(box, name), rows=33, columns=99) as ana:
        ana.sees("ready> ")
        ana.type("stty size\r")
        ana.sees("33 99")
        ana.resize(20, 70)
        until(lambda: box.session(session_id(box, name))["terminal"]["rows"] == 20)
        ana.type("stty size\r")
        ana.sees("20 70")


def session_id(box: ServedBox, name: str) -> str:
    sessions = box.ask("GET", "/v1/code/sessions").json["sessions"]
    return str(next(session["id"] for session in sessions if session["name"] == name))


def test_two_people_share_a_terminal_and_one_types(box: ServedBox) -> None:
    name = shell(box)
    with person(*attach(box, name)) as ana, person(*attach(box, name)) as ben:
        ana.sees("ready> ")
        ben.sees("ready> ")
        ana.type("echo from-$((1))-ana\r")
        ana.sees("from-1-ana")
        ben.sees("from-1-ana")
        ben.type("x")
        ben.sees("rc: owner types here until ")
        ben.type(TAKE)
        ben.type("echo from-$((2))-ben\r")
        ben.sees("from-2-ben")
        ana.sees("from-2-ben")
        ana.type("y")
        ana.sees("rc: owner types here until ")


def test_whoever_only_looks_cannot_type(box: ServedBox) -> None:
    name = shell(box)
    with person(*attach(box, name), rows=30) as ana, person(*attach(box, name, "--view"), rows=10) as ben:
        ana.sees("ready> ")
        ben.sees("ready> ")
        ben.type("echo nothing-$((1))\r")
        ana.type("stty size; echo only-$((2))\r")
        assert "nothing-1" not in ben.sees("only-2")
        assert "30 80" in ana.sees("only-2")
        ben.type(LEAVE)
        assert ben.leaves() == 0


def test_what_reaches_for_the_clipboard_does_not_get_there(box: ServedBox) -> None:
    printed = r"printf 'a\033]52;c;aGk=\007b\033[21tc\n'"
    name = shell(box)
    with person(*attach(box, name)) as ana, person(*attach(box, name, "--allow", "clipboard")) as ben:
        ana.sees("ready> ")
        ben.sees("ready> ")
        ana.type(f"{printed}\r")
        ana.sees("abc\r\n")
        ben.sees("a\x1b]52;c;aGk=\x07bc\r\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_ends_it_the_terminal_is_given_back(box: ServedBox, number: int) -> None:
    name = shell(box)
    with person(*attach(box, name)) as ana:
        ana.sees("ready> ")
        ana.type("printf '\\033[?1049h\\033[?25lfull\\n'\r")
        ana.sees("full\r\n")
        ana.process.send_signal(number)
        ana.sees("\x1b[?1049l")
        assert ana.leaves() == 128 + number
        assert ana.has_it_back
    assert box.session(session_id(box, name))["state"] == "running"


def test_a_new_session_may_be_made_and_stayed_at(box: ServedBox) -> None:
    words = ("--state-dir", str(box.state_dir), "new", "--attach", "--", "sh", "-c", "stty size; read x; exit 5")
    with person(*words, rows=21, columns=91, cwd=box.project) as ana:
        ana.sees("21 91")
        ana.type("go\r")
        assert ana.leaves() == 5
        assert ana.has_it_back


def test_a_conversation_is_talked_and_left(box: ServedBox) -> None:
    made = box.new(agent="echo", prompt="earlier")
    with person(*attach(box, made["name"])) as ana:
        ana.sees("earlier\r\nearlier\r\n")
        ana.type("hello you\n")
        ana.sees("hello you\r\nhello you\r\n")
        ana.type("wait 100\n")
        until(lambda: box.session(made["id"])["turn"] == "running")
        ana.type("\x03")
        until(lambda: box.session(made["id"])["turn"] == "idle")
        ana.type("half a line" + LEAVE)
        ana.sees(f"rc: detached; rc attach {made['name']} comes back")
        assert ana.leaves() == 0
        assert ana.has_it_back


def test_a_program_of_ones_own_has_a_terminal_of_its_own(box: ServedBox) -> None:
    made = box.new(agent="echo")
    words = ("--state-dir", str(box.state_dir), "exec", made["name"], "--", "sh", "-c", "stty size; read x; exit 9")
    with person(*words, rows=19, columns=71) as ana:
        ana.sees("19 71")
        ana.type("go\r")
        assert ana.leaves() == 9
        assert ana.has_it_back


class Mortal:
    """A box that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "s"
        self.project = folder / "p"
        self.project.mkdir()
        self.words = ("--state-dir", str(self.state_dir))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "supervisor", *self.words, "serve", "--json", "--listen", "127.0.0.1:0"]
        env = {**os.environ, "PYTHONPATH": os.getcwd()}
        self.process = subprocess.Popen(
            [*command, "--no-create-session-in-dir"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.project,
            env=env,
        )
        assert self.process.stdout is not None
        assert b'"ready"' in self.process.stdout.readline()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        call(*self.words, "shutdown", "--sessions")
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    box = Mortal(tmp_path)
    box.start()
    yield box
    box.end()


def count(ana: Person, numbers: range) -> list[int]:
    """How often each of these lines was printed."""
    return [len(re.findall(rf"(?<!\d)line-{number}\r\n", ana.shown)) for number in numbers]


def test_after_a_kill_it_goes_on_and_no_line_is_missing_or_doubled(mortal: Mortal) -> None:
    program = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line-$i; sleep 0.01; done; read x; echo "got $x"; exit 6'
    assert call(*mortal.words, "new", "--name", "count", "--", "sh", "-c", program).code == 0
    with person(*mortal.words, "attach", "count") as ana:
        ana.sees("line-20\r\n")
        for _ in range(2):
            mortal.kill()
            mortal.start()
        ana.sees("line-400\r\n")
        assert count(ana, range(1, 401)) == [1] * 400
        ana.type("hello\r")
        ana.sees("got hello")
        assert ana.leaves() == 0


def test_a_long_cut_is_said_and_a_program_gets_its_screen_drawn_anew(mortal: Mortal) -> None:
    program = "printf '\\033[?1049hfull screen'; read x; exit 6"
    assert call(*mortal.words, "new", "--name", "stays", "--", "sh", "-c", program).code == 0
    with person(*mortal.words, "attach", "stays") as ana:
        ana.sees("full screen")
        mortal.kill()
        ana.sees("reconnecting…")
        mortal.start()
        ana.sees("full screen")
        ana.type("go\r")
        ana.sees("rc: stays exited: exit 6")


def test_a_prompt_is_carried_out_once_whatever_dies(mortal: Mortal) -> None:
    assert call(*mortal.words, "new", "--agent", "echo", "--name", "talk").code == 0
    with person(*mortal.words, "attach", "talk") as ana:
        ana.type("before\n")
        ana.sees("before\r\nbefore\r\n")
        mortal.kill()
        ana.sees("rc: reconnecting…")
        ana.type("after\n")
        mortal.start()
        ana.sees("after\r\nafter\r\n")
        ana.type(LEAVE)
        assert ana.leaves() == 0
    told = call(*mortal.words, "logs", "talk").out
    assert (told.count("owner: before"), told.count("owner: after")) == (1, 1)


def test_a_box_is_started_for_whoever_wants_to_connect(tmp_path: Path) -> None:
    place = tmp_path / "p"
    place.mkdir()
    words = ("--state-dir", str(tmp_path / "s"))
    try:
        with person(*words, "connect", cwd=place, RC_LISTEN="127.0.0.1:0", SHELL="/bin/sh") as ana:
            ana.sees("rc: no box was running; started one in the background at http://127.0.0.1:")
            ana.type("pwd; exit\r")
            ana.sees(f"{place}\r\n")
            assert ana.leaves() == 0
    finally:
        assert call(*words, "shutdown", "--sessions").code == 0


def test_following_ends_with_ctrl_c_and_no_word(box: ServedBox) -> None:
    made = box.new(agent="echo")
    with person("--state-dir", str(box.state_dir), "logs", "-f", made["name"]) as ana:
        ana.sees("idle")
        ana.type("\x03")
        assert ana.leaves() == 130
        assert "Traceback" not in ana.shown


def test_inside_a_session_its_own_name_is_known(box: ServedBox) -> None:
    rc = f"PYTHONPATH={os.getcwd()} {sys.executable} -P -m supervisor"
    made = box.new(name="inner", command=["sh", "-c", f"{rc} path inner; {rc} path; echo code=$?"])
    until(lambda: box.session(made["id"])["state"] == "exited", 60)
    told = call("--state-dir", str(box.state_dir), "logs", made["id"], "--terminal").out
    assert told == f"{made['workspace']}\n" * 2 + "code=0\n"


def test_inside_a_session_other_sessions_are_out_of_reach(box: ServedBox) -> None:
    other = box.new(agent="echo")
    rc = f"PYTHONPATH={os.getcwd()} {sys.executable} -P -m supervisor"
    asked = [f"stop {other['id']}", "new", "mode worktree", f"send {other['id']} x", "ls", "shutdown"]
    script = "; ".join(f"{rc} {words}; echo code=$?" for words in asked) + f"; {rc} session; echo code=$?"
    made = box.new(command=["sh", "-c", script])
    until(lambda: box.session(made["id"])["state"] == "exited", 60)
    told = call("--state-dir", str(box.state_dir), "logs", made["id"], "--terminal").out
    assert told.count("code=4") == len(asked), told
    assert told.count("run it in a terminal outside every session") == len(asked)
    assert f"{made['url']}\n" in told
    assert told.endswith("code=0\n")
    assert box.session(other["id"])["state"] == "running"
