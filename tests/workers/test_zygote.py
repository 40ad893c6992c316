from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.waiting import until
from tests.workers.parts import Workers, Zygote, adopted, is_free


def status(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def is_closed_to_us(pid: int) -> bool:
    """Whether the kernel hides a process of our own account from us, as it does unless we are root."""
    if os.getuid() == 0:
        return False
    for name in ("environ", "fd", "mem"):
        assert not os.access(f"/proc/{pid}/{name}", os.R_OK)
    return True


def test_a_zygote_is_one_quiet_process_at_the_root(zygote: Zygote) -> None:
    pid = zygote.process.pid
    until(lambda: status(pid, "Name") == "rc-zygote")
    assert status(pid, "Threads") == "1"
    if is_closed_to_us(pid):
        return
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    names = {word.partition(b"=")[0] for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
    assert names <= {b"PATH", b"HOME", b"LC_CTYPE", b""}
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == 4)


def test_a_worker_has_nothing_of_the_zygote_but_its_memory(workers: Workers) -> None:
    bundle, us = workers.run("cat")
    pid = us.state["worker_pid"]
    assert status(pid, "Name") == "rc-worker"
    assert status(pid, "Umask") == "0077"
    assert bundle.read("err") == ""
    if is_closed_to_us(pid):
        return
    assert os.readlink(f"/proc/{pid}/cwd") == bundle.directory
    open_files = [os.readlink(f"/proc/{pid}/fd/{name}") for name in range(3)]
    assert open_files == ["/dev/null", "/dev/null", bundle.path("err")]
    control = sockets(workers.zygote.process.pid)
    assert control
    assert not control & sockets(pid)


def sockets(pid: int) -> set[str]:
    links = (os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd"))
    return {link for link in links if link.startswith("socket:")}


def test_a_zygote_ends_with_its_supervisor_and_its_workers_do_not(tmp_path: Path) -> None:
    zygote = Zygote()
    workers = Workers(zygote, tmp_path)
    bundle, us = workers.run("cat")
    zygote.close()
    assert zygote.process.returncode == 0
    us.look()
    us.type(b"still here\r")
    us.see(b"still here\r\nstill here")
    us.close()
    assert adopted(bundle, epoch=2).state["state"] == "running"
    workers.close()


@pytest.mark.parametrize("wish", [[], {}, {"do": "dance"}, {"do": "worker"}, {"do": "exec"}])
def test_a_wish_that_makes_no_sense_harms_nobody(workers: Workers, wish: object) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        workers.zygote.wish(wish, theirs)
    with ours:
        ours.settimeout(10)
        assert ours.recv(1) == b""
    assert workers.run("cat")[1].state["worker_pid"]


def test_a_bundle_that_is_not_there_harms_nobody(workers: Workers) -> None:
    workers.zygote.wish({"do": "worker", "bundle": str(workers.folder / "gone"), "resume": False})
    assert workers.run("cat")[1].state["worker_pid"]


def test_a_bundle_without_a_spec_says_so_in_its_error_file(workers: Workers) -> None:
    bundle = workers.bundle("cat")
    bundle.write("spec.json", "{}")
    workers.launch(resume=bundle)
    until(lambda: "not a spec" in (bundle.read("err") or "") and is_free(bundle))
    bundle.write("spec.json", "{}")
