"""What `rc serve` cannot have it refuses at once: exit 78, the cause named, and nothing started or changed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.boxprocess import BoxProcess, box_process
from tests.gitrepos import empty_repository
from tests.waiting import until


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    with box_process(tmp_path, project) as box:
        yield box


def refused(box: BoxProcess, *arguments: str) -> str:
    """The cause, in one line, of a start that does not come to be."""
    answer = box.rc("serve", *(arguments or ("--listen", "127.0.0.1:0")))
    assert (answer.code, answer.out) == (78, ""), answer
    assert answer.err.startswith("rc: ") and answer.err.count("\n") == 1, answer.err
    until(lambda: not box.here())
    for name in ("sessions", "worktrees", "trash"):
        assert not (box.state / name).exists() or not list((box.state / name).iterdir())
    return answer.err


def test_worktrees_without_a_repository_that_has_a_commit(box: BoxProcess) -> None:
    for path in (box.project, empty_repository(box.project / "empty")):
        assert "git" in refused(box, str(path), "--spawn", "worktree", "--listen", "127.0.0.1:0")
    # Nothing of it is remembered.
    box.start("--no-create-session-in-dir")
    described = box.call("GET", "/v1/box")[1]
    assert described["spawn_mode"] == "same-dir"
    assert [project["path"] for project in described["projects"]] == [str(box.project)]


def test_a_port_in_use(box: BoxProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused(box, "--listen", f"127.0.0.1:{port}")
        # One of two is as bad as both.
        assert str(port) in refused(box, "--listen", "127.0.0.1:0", "--listen", f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "127.0.0.1:99999", "nonsense", "192.0.2.1:7420"])
def test_an_address_that_cannot_be_had(box: BoxProcess, address: str) -> None:
    assert address.rpartition(":")[0].strip("[]") in refused(box, "--listen", address)


def test_a_state_directory_with_no_room_for_a_socket_in_its_path(box: BoxProcess) -> None:
    long = box.state.parent / ("x" * 100)
    assert "107" in (cause := refused(box, "--state-dir", str(long))) or "octets" in cause
    assert not long.exists()


def test_a_state_directory_that_is_none(box: BoxProcess) -> None:
    box.state.write_text("a file")
    assert str(box.state) in refused(box)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('name = "a"\ncapacity = "many"\n', ("line 2", "capacity")),
        ("[disk]\nkeep_free_percent = 99\n", ("line 2", "keep_free_percent")),
        ("\ncolour = 1\n", ("line 2", "colour")),
        ("[agents.mine]\nadapter = 'martian'\ncommand = ['x']\n", ("line 2", "adapter")),
        ("capacity = = 3\n", ("line 1",)),
    ],
)
def test_a_config_that_cannot_be_read_is_named_with_line_and_key(
    box: BoxProcess, text: str, named: tuple[str, ...]
) -> None:
    config = box.project / "box.toml"
    config.write_text(text)
    cause = refused(box, "--config", str(config), "--listen", "127.0.0.1:0")
    assert all(word in cause for word in (str(config), *named)), cause


def test_a_config_that_is_not_there(box: BoxProcess) -> None:
    assert "nowhere.toml" in refused(box, "--config", "nowhere.toml", "--listen", "127.0.0.1:0")


def test_a_second_supervisor_until_it_takes_over(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    session = box.new("sleep", "600")
    first, pid = box.process, box.ready["pid"]
    assert first is not None and first.stdout is not None
    second = box.rc("serve", "--json", "--listen", "127.0.0.1:0")
    assert second.code == 78 and second.problem["pid"] == pid and str(pid) in second.problem["detail"]
    assert first.poll() is None and box.session(session["id"])["state"] == "running"
    box.start("--take-over", "--no-create-session-in-dir")
    assert first.wait(15) == 0
    first.stdout.close()
    assert box.ready["epoch"] == 2 and box.ready["pid"] != pid
    assert box.session(session["id"])["pid"] == session["pid"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--listen", "nonsense"), "nonsense"),
        (("--listen", "0.0.0.0:0"), "0.0.0.0"),
        (("--config", "bad.toml"), "bad.toml"),
        (("--agent", "martian"), "martian"),
        (("--spawn", "session"), "the-other"),
        (("--spawn", "worktree"), "git"),
        (("/nowhere",), "/nowhere"),
    ],
)
def test_a_take_over_that_cannot_be_leaves_the_other_one_alone(
    box: BoxProcess, arguments: tuple[str, ...], named: str
) -> None:
    box.start("--no-create-session-in-dir")
    box.new("cat", name="the-other")
    (box.project / "bad.toml").write_text("capacity = = 3\n")
    before = box.call("GET", "/v1/box")[1]
    for detach in ((), ("-d",)):
        answer = box.rc("serve", "--take-over", *detach, *arguments)
        assert (answer.code, answer.out) == (78, "") and named in answer.err, answer
        assert answer.err.startswith("rc: ") and answer.err.count("\n") == 1, answer
    assert box.process is not None and box.process.poll() is None
    assert box.call("GET", "/v1/box")[1] == before


def test_a_take_over_may_have_the_ports_of_the_other_and_no_one_elses(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    (url,) = box.ready["urls"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = box.rc("serve", "--take-over", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        assert answer.code == 78 and "in use" in answer.err, answer
    assert box.call("GET", "/v1/box")[0] == 200
    answer = box.rc("serve", "-d", "--take-over", "--json", "--listen", url.removeprefix("http://"))
    assert answer.code == 0 and answer.json["urls"] == [url], answer
    box.wait()
    assert box.rc("shutdown").code == 0


def test_one_session_only_while_others_live(box: BoxProcess) -> None:
    box.start("--no-create-session-in-dir")
    session = box.new("cat", name="the-other")
    box.end(9)
    cause = box.rc("serve", "--spawn", "session", "--listen", "127.0.0.1:0")
    assert (cause.code, cause.out) == (78, "") and "the-other" in cause.err, cause
    # It was not touched: the next start finds it as it was, and nothing new.
    box.start("--no-create-session-in-dir")
    (found,) = box.sessions()
    assert (found["id"], found["state"], found["pid"]) == (session["id"], "running", session["pid"])
    with box.stream(session["id"], "terminal_after=0") as stream:
        stream.type(b"hello\n")
        stream.until(lambda: stream.terminal == b"hello\r\nhello\r\n")
