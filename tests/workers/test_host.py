from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from tests.workers.parts import Stale, Supervisor, Workers, adopted, is_free
from workers.bundle import Bundle, start_time
from workers.core.wire import Frame, Kind
from workers.journalread import read_events, read_terminal, terminal_bounds


def journal(bundle: Bundle) -> list[dict[str, Any]]:
    """Every event on disk, as far as one page goes."""
    page = read_events(bundle.directory, 0, 10_000, 64 << 20)
    return [{"seq": seq, **json.loads(body)} for seq, _, body in page.records]


def told(bundle: Bundle) -> list[str]:
    """Kind and state of every event on disk."""
    updates = [event["update"] for event in journal(bundle)]
    return [f"{update['sessionUpdate'].removeprefix('_rc/')} {update.get('state', '')}".strip() for update in updates]


def exit_note(bundle: Bundle) -> dict[str, Any]:
    until(lambda: bundle.read_json("exit.json") is not None and is_free(bundle))
    return bundle.read_json("exit.json") or {}


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        return False


def pid_in(supervisor: Supervisor) -> int:
    """The number that the program prints in brackets."""
    supervisor.hear_until(lambda: b"[" in supervisor.output and b"]" in supervisor.output)
    return int(supervisor.output.partition(b"[")[2].partition(b"]")[0])


def test_a_program_runs_on_a_terminal_of_its_own(workers: Workers) -> None:
    bundle, us = workers.run("sh", rows=30, columns=90)
    us.look()
    us.type(b"stty size; tty; echo $RC_SESSION_ID; umask; pwd; exit 3\r")
    assert us.hear_state("exited")["code"] == 3
    us.hear_rest()
    shown = us.output.decode()
    assert "30 90" in shown
    assert "/dev/pts/" in shown
    assert bundle.spec().id in shown
    assert bundle.spec().workspace in shown
    assert exit_note(bundle) == {
        "code": 3,
        "signal": None,
        "reason": "ended",
        "terminal_offset": len(read_terminal(bundle.directory, 0).data),
        "state": "exited",
        "at": exit_note(bundle)["at"],
    }
    assert told(bundle) == ["process starting", "process running", "process exited"]
    assert bundle.read("err") == ""


def test_what_is_on_the_terminal_is_in_the_journal_byte_for_byte(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; seq 20000; read x")
    us.look()
    start = us.output_start
    us.type(b"\r")
    us.see(b"\r\n20000\r\n")
    data = b""
    while len(data) < len(us.output) + (start or 0):
        data += read_terminal(bundle.directory, len(data)).data
    assert data[start:] == us.output


def test_the_agent_is_told_apart_from_its_worker(workers: Workers) -> None:
    bundle, us = workers.run("sleep", "100")
    note = bundle.read_json("worker.json") or {}
    assert note["pid"] == us.state["worker_pid"]
    assert note["start_time"] == start_time(note["pid"])
    running = next(e["update"] for e in journal(bundle) if e["update"].get("state") == "running")
    assert note["start_time"] == start_time(note["pid"])
    assert Path(f"/proc/{running['pid']}/oom_score_adj").read_text() == "500\n"
    assert Path(f"/proc/{note['pid']}/oom_score_adj").read_text() != "500\n"
    until(lambda: sorted(os.listdir(f"/proc/{running['pid']}/fd")) == ["0", "1", "2"])


def test_the_zygote_may_end_and_the_worker_goes_on(tmp_path: Path, workers: Workers) -> None:
    _, us = workers.run("cat")
    assert os.stat(f"/proc/{us.state['worker_pid']}").st_uid == os.getuid()
    with open(f"/proc/{us.state['worker_pid']}/stat", "rb") as file:
        parent, group, session = (int(word) for word in file.read().rpartition(b")")[2].split()[1:4])
    assert parent != workers.zygote.process.pid
    assert workers.zygote.process.pid not in (group, session)


@pytest.mark.parametrize(
    ("argv", "detail"),
    [
        (["no-such-program"], "no-such-program is not found in PATH="),
        (["/no/such/program"], "/no/such/program cannot be run: No such file or directory"),
        (["/etc"], "/etc is a directory"),
        (["/etc/passwd"], "/etc/passwd is not executable"),
    ],
)
def test_a_failed_exec_names_its_cause(workers: Workers, argv: list[str], detail: str) -> None:
    bundle = workers.launch(*argv)
    note = exit_note(bundle)
    assert (note["state"], note["reason"], note["code"], note["signal"]) == ("exited", "launch_failed", None, None)
    assert note["detail"].startswith(detail)
    assert told(bundle) == ["process starting", "process exited"]


def test_a_workspace_that_vanished_is_named(workers: Workers) -> None:
    bundle = workers.launch("sh", workspace="/no/such/place")
    assert exit_note(bundle)["detail"] == "the workspace /no/such/place cannot be used: No such file or directory"


def test_an_agent_that_dies_shows_its_signal(workers: Workers) -> None:
    note = exit_note(workers.launch("sh", "-c", "kill -SEGV $$"))
    assert (note["code"], note["signal"], note["reason"]) == (None, "SIGSEGV", "ended")


def test_an_accepted_command_is_on_disk_when_it_is_answered(workers: Workers) -> None:
    bundle, us = workers.run("sh")
    seq = us.command("rename", name="other")["seq"]
    events = {event["seq"]: event for event in journal(bundle)}
    assert events[seq]["update"] == {"sessionUpdate": "_rc/command", "kind": "rename"}
    assert events[seq]["by"] == {"person": "ana", "device": None}
    assert events[seq + 1]["update"] == {"sessionUpdate": "_rc/renamed", "name": "other"}
    assert [event["seq"] for event in us.events][-2:] == [seq, seq + 1]


def test_a_prompt_is_typed_and_a_repeat_is_not(workers: Workers) -> None:
    message = "0b9c7a52-9f41-4c1e-8d5f-111111111111"
    _, us = workers.run("cat")
    us.look()
    first = us.command("prompt", text="hello", message_id=message)["seq"]
    us.see(b"hello\r\nhello\r\n")
    assert us.command("prompt", text="hello", message_id=message)["seq"] == first
    us.command("prompt", text="bye")
    us.see(b"bye\r\nbye\r\n")
    assert us.output.count(b"hello") == 2


def test_a_refused_command_says_why_and_leaves_no_event(workers: Workers) -> None:
    _, us = workers.run("cat")
    error = us.command("resize", rows=0, columns=80)["error"]
    assert error["code"] == "invalid"
    assert error["hint"]
    assert us.command("rename", name="x")["seq"] == us.state["last_seq"] + len(us.events) - 1


def test_a_resize_reaches_the_program(workers: Workers) -> None:
    _, us = workers.run("sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do read x; done")
    us.look()
    us.command("resize", rows=33, columns=101)
    us.see(b"33 101")
    assert us.updates("_rc/resized")[0]["rows"] == 33


def test_a_signal_reaches_the_program(workers: Workers) -> None:
    _, us = workers.run("sh", "-c", "trap 'echo got it' USR1; read x; echo set; while :; do sleep 0.01; done")
    us.look()
    us.type(b"\r")
    us.see(b"set")
    us.command("signal", name="USR1")
    us.see(b"got it")


def test_stop_ends_a_program_that_heeds_it(workers: Workers) -> None:
    bundle, us = workers.run("sleep", "100")
    us.command("stop")
    ended = us.hear_state("exited")
    assert (ended["reason"], ended["code"]) == ("stopped", None)
    assert us.states()[-2:] == ["stopping", "exited"]
    assert exit_note(bundle)["reason"] == "stopped"


def test_what_an_agent_leaves_behind_ends_with_it(workers: Workers) -> None:
    script = "(setsid setsid sh -c 'echo \"[$$]\"; exec sleep 100' &); read x"
    bundle, us = workers.run("sh", "-c", script)
    us.look()
    stray = pid_in(us)
    us.type(b"\r")
    us.hear_state("exited")
    assert exit_note(bundle)["reason"] == "ended"
    assert not is_alive(stray)


def test_suspend_ends_the_program_and_resume_goes_on_with_the_numbers(workers: Workers) -> None:
    message = "0b9c7a52-9f41-4c1e-8d5f-222222222222"
    bundle, us = workers.run("cat")
    first = us.command("prompt", text="hello", message_id=message)["seq"]
    us.command("resize", rows=30, columns=90)
    us.command("suspend")
    assert us.hear_state("suspended")["reason"] == "suspended"
    assert [n["text"] for n in us.updates("_rc/notice")] == [
        "Suspending ends the program of a terminal session; its working tree stays as it is."
    ]
    note = exit_note(bundle)
    assert note["state"] == "suspended"
    before = journal(bundle)
    history = us.state["history"]

    workers.launch(resume=bundle)
    until(lambda: bundle.read_json("exit.json") is None)
    again = adopted(bundle, epoch=2)
    assert again.state["history"] == history
    assert again.state["terminal"]["rows"] == 30
    assert again.state["terminal"]["offset"] >= note["terminal_offset"]
    assert journal(bundle)[: len(before)] == before
    assert [event["seq"] for event in journal(bundle)] == list(range(1, len(journal(bundle)) + 1))
    assert again.command("prompt", text="hello", message_id=message)["seq"] == first
    again.look()
    again.command("prompt", text="again")
    again.see(b"again\r\nagain")


def test_another_boot_begins_another_history(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    us.command("stop")
    exit_note(bundle)
    bundle.write("journal.json", json.dumps({"history": us.state["history"], "boot_id": "another"}))
    workers.launch(resume=bundle)
    assert adopted(bundle).state["history"] != us.state["history"]


def test_a_worker_that_is_killed_frees_its_lock_and_leaves_no_note(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    os.kill(us.state["worker_pid"], signal.SIGKILL)
    us.hear_rest()
    until(lambda: is_free(bundle))
    assert bundle.read("exit.json") is None
    workers.launch(resume=bundle)
    again = adopted(bundle)
    assert again.state["last_seq"] >= 3
    assert told(bundle)[:3] == ["process starting", "process running", "process starting"]


def test_a_bundle_has_one_worker_at_a_time(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    workers.zygote.wish({"do": "worker", "bundle": bundle.directory, "resume": False})
    workers.launch(resume=workers.bundle("true"))  # served in turn, hence behind the second worker of the first
    until(lambda: is_free(workers.bundles[-1]) and workers.bundles[-1].read("exit.json"))
    assert us.command("rename", name="still here")["seq"]


@pytest.mark.parametrize("mark", ["void", "exit.json"])
def test_a_bundle_that_was_cleaned_up_or_has_ended_is_left_alone(workers: Workers, mark: str) -> None:
    bundle = workers.bundle("sh")
    bundle.write(mark, "{}")
    workers.launch(resume=None if mark == "exit.json" else bundle) if mark == "void" else None
    workers.zygote.wish({"do": "worker", "bundle": bundle.directory, "resume": False})
    until(lambda: os.path.exists(bundle.path("err")) and is_free(bundle))
    assert not os.path.exists(bundle.path("link"))


def test_an_agent_inside_the_product_answers(workers: Workers) -> None:
    bundle, us = workers.run()
    assert (us.state["pid"], us.state["turn"]) == (None, "idle")
    us.command("prompt", text="hello")
    us.hear_until(
        lambda: us.updates("_rc/message_state")[-1:] and us.updates("_rc/message_state")[-1]["state"] != "started"
    )
    assert us.updates("agent_message_chunk")[0]["content"]["text"] == "hello"
    us.command("prompt", text="wait 0.05")
    us.hear_until(lambda: len(us.updates("agent_message_chunk")) == 2)
    us.command("prompt", text="die 7")
    assert us.hear_state("exited")["code"] == 7
    assert exit_note(bundle)["code"] == 7


def test_an_agent_inside_the_product_is_stopped_at_once(workers: Workers) -> None:
    bundle, us = workers.run()
    us.command("prompt", text="wait 100")
    us.type(b"keys go nowhere")
    assert us.command("resize", rows=3, columns=3)["error"]["code"] == "invalid"
    us.command("stop")
    assert us.hear_state("exited")["reason"] == "stopped"
    assert exit_note(bundle) | {"at": ""} == {
        "code": None,
        "signal": None,
        "reason": "stopped",
        "terminal_offset": 0,
        "state": "exited",
        "at": "",
    }


def test_a_prompt_that_is_too_large_for_one_event_is_kept_whole(workers: Workers) -> None:
    bundle, us = workers.run()
    us.command("prompt", text="ü" * 110_000)
    us.hear_until(lambda: us.updates("agent_message_chunk"))
    cut = us.updates("agent_message_chunk")[0]
    assert len(cut["content"]["text"]) < 110_000
    whole = json.loads(Path(bundle.path(f"blobs/{cut['truncated']['sha256']}")).read_bytes())
    assert whole["content"]["text"] == "ü" * 110_000


def test_a_workspace_whose_name_is_no_text_can_be_told(workers: Workers, tmp_path: Path) -> None:
    bundle = workers.launch("sh", workspace=f"{tmp_path}/gone-\udcff")
    assert "gone-" in exit_note(bundle)["detail"]
    assert journal(bundle)[-1]["update"]["reason"] == "launch_failed"


def test_first_notices_of_a_spec_are_told_once(workers: Workers) -> None:
    bundle, us = workers.run("cat", notices=("the fetch has failed",))
    assert told(bundle)[:3] == ["process starting", "notice", "process running"]
    us.command("suspend")
    exit_note(bundle)
    workers.launch(resume=bundle)
    adopted(bundle)
    assert [e["update"]["text"] for e in journal(bundle) if "notice" in e["update"]["sessionUpdate"]][:1] == [
        "the fetch has failed"
    ]
    assert sum("the fetch" in str(event) for event in journal(bundle)) == 1


def test_a_snapshot_begins_where_the_screen_was_cleared(workers: Workers) -> None:
    _, us = workers.run("sh", "-c", "printf 'old\\033[2J\\033[Hnew\\033[?2004h'; echo; cat")
    us.look()
    us.type(b"x\r")
    us.hear_until(lambda: b"x\r\nx\r\n" in us.output or us.progress)
    answer = us.request(Kind.SNAPSHOT, {"want": 1000})
    assert answer["live_at"] == answer["parts"][-1]["end"]
    assert answer["parts"][0]["rows"] == 24
    assert us.request(Kind.SNAPSHOT, {"want": -1})["error"]["code"] == "invalid"
    assert us.request(Kind.SNAPSHOT, 7)["error"]["code"] == "invalid"


def test_the_screen_of_an_ended_session_is_left_behind(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "stty -echo; echo ready; read x; echo last words")
    us.look()
    until(lambda: terminal_bounds(bundle.directory)[1] == len(b"ready\r\n"))
    us.type(b"\r")
    us.hear_rest()
    exit_note(bundle)
    plan = bundle.read_json("screen.json") or {}
    assert plan["live_at"] == len(b"ready\r\nlast words\r\n")


def test_keys_that_a_program_does_not_read_are_dropped_and_that_is_told(workers: Workers) -> None:
    _, us = workers.run("sh", "-c", "stty raw -echo; echo ready; sleep 100")
    us.look()
    for _ in range(20):
        us.type(b"x" * 60_000)
    us.hear_until(lambda: us.updates("_rc/notice"))
    assert us.updates("_rc/notice")[0]["level"] == "warning"
    for _ in range(5):
        us.type(b"x" * 60_000)
    assert "seq" in us.command("rename", name="alive")
    assert len(us.updates("_rc/notice")) == 1


def test_output_waits_for_nobody(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo done; read x")
    us.send(Frame(Kind.UNMUTE))  # and then nothing is read
    end = 3_000_000 + len(b"\r\ndone\r\n")
    until(lambda: terminal_bounds(bundle.directory)[1] == end)
    us.hear_until(lambda: us.output_start == end)


def test_a_box_that_keeps_less_output_has_less_on_its_disk(workers: Workers) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' 'x'; read x"
    bundle, _ = workers.run("sh", "-c", script, terminal_keep=1 << 20)
    until(lambda: terminal_bounds(bundle.directory)[1] == 3_000_000)
    start, end = terminal_bounds(bundle.directory)
    assert 800_000 < end - start <= 1 << 20


def test_a_supervisor_that_went_away_is_replaced_by_the_next(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    us.close()
    again = Supervisor(bundle, epoch=2)
    assert again.state["state"] == "running"
    assert bundle.read_json("epoch.json") == {"epoch": 2}
    with pytest.raises(Stale):
        Supervisor(bundle, epoch=1)


def test_the_final_word_of_a_program_is_not_lost_to_a_child_that_keeps_its_terminal(workers: Workers) -> None:
    bundle, us = workers.run("sh", "-c", "read x; sleep 100 & echo last words")
    us.type(b"\r")
    began = time.monotonic()
    us.hear_rest()
    assert exit_note(bundle)["reason"] == "ended"
    assert time.monotonic() - began < 5
    assert b"last words" in read_terminal(bundle.directory, 0).data
