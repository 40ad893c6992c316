"""Tricks that run code where plain git is called, and run none where the inspector looks."""

from __future__ import annotations

import os
import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workers.asking import Ground, Zygote


@dataclass(frozen=True)
class Trap:
    """A ground, a program that leaves a canary and then behaves as its caller hopes, and the canary."""

    ground: Ground
    canary: Path

    def program(self, then: str = "cat") -> Path:
        path = self.ground.top / "trick"
        path.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(self.canary))}\n{then}\n")
        path.chmod(0o755)
        return path

    def configure(self, key: str, value: object, at: Path | None = None) -> None:
        self.ground.git("config", key, str(value), at=at)

    def touch_a_file(self) -> None:
        """Content as it was, another time: git must read it, and hence filter it, to know."""
        os.utime(self.ground.tree / "a", (1, 1))

    def attribute(self, words: str) -> None:
        info = self.ground.repository / ".git" / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(f"* {words}\n")


@pytest.fixture
def trap(ground: Ground) -> Trap:
    return Trap(ground, ground.top / "canary")


def clean_filter(trap: Trap) -> list[str]:
    (trap.ground.tree / ".gitattributes").write_text("* filter=x\n")
    trap.configure("filter.x.clean", trap.program())
    trap.touch_a_file()
    return ["status"]


def required_filter(trap: Trap) -> list[str]:
    trap.attribute("filter=x")
    trap.configure("filter.x.clean", trap.program())
    trap.configure("filter.x.required", "true")
    trap.touch_a_file()
    return ["diff"]


def filter_process(trap: Trap) -> list[str]:
    trap.attribute("filter=x")
    trap.configure("filter.x.process", trap.program())
    trap.touch_a_file()
    return ["status"]


def smudge_filter(trap: Trap) -> list[str]:
    trap.attribute("filter=x")
    trap.configure("filter.x.smudge", trap.program())
    (trap.ground.tree / "a").unlink()
    return ["checkout", "--", "a"]


def external_diff(trap: Trap) -> list[str]:
    trap.configure("diff.external", trap.program())
    (trap.ground.tree / "a").write_text("other")
    return ["diff"]


def diff_command(trap: Trap) -> list[str]:
    trap.attribute("diff=x")
    trap.configure("diff.x.command", trap.program())
    (trap.ground.tree / "a").write_text("other")
    return ["diff"]


def textconv(trap: Trap) -> list[str]:
    trap.attribute("diff=x")
    trap.configure("diff.x.textconv", trap.program("cat $1"))
    (trap.ground.tree / "a").write_text("other")
    return ["diff"]


def fsmonitor(trap: Trap) -> list[str]:
    trap.configure("core.fsmonitor", trap.program())
    return ["status"]


def index_that_believes_a_monitor(trap: Trap) -> list[str]:
    trap.configure("core.fsmonitor", trap.program("printf 'token\\0'"))
    trap.ground.git("update-index", "--fsmonitor")
    trap.ground.git("update-index", "--fsmonitor-valid", "a")
    trap.canary.unlink(missing_ok=True)
    return ["status"]


def split_index_and_monitor(trap: Trap) -> list[str]:
    trap.ground.git("update-index", "--split-index")
    return fsmonitor(trap)


def hooks_of_the_repository(trap: Trap) -> list[str]:
    hooks = trap.ground.repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "post-index-change").symlink_to(trap.program())
    trap.touch_a_file()
    return ["status"]


def hooks_path(trap: Trap) -> list[str]:
    hooks = trap.ground.top / "hooks"
    hooks.mkdir()
    (hooks / "post-index-change").symlink_to(trap.program())
    trap.configure("core.hooksPath", hooks)
    trap.touch_a_file()
    return ["status"]


def pager(trap: Trap) -> list[str]:
    trap.configure("core.pager", trap.program())
    trap.configure("pager.status", trap.program())
    return ["status"]


def alias(trap: Trap) -> list[str]:
    for name in ("st", "status", "diff", "ls-files"):
        trap.configure(f"alias.{name}", f"!{trap.program()}")
    return ["st"]


def included_file(trap: Trap) -> list[str]:
    (trap.ground.tree / "more").write_text(f"[core]\n\tfsmonitor = {trap.program()}\n")
    trap.configure("include.path", trap.ground.tree / "more")
    return ["status"]


def included_on_condition(trap: Trap) -> list[str]:
    (trap.ground.tree / "more").write_text(f"[core]\n\tfsmonitor = {trap.program()}\n")
    trap.configure("includeIf.gitdir:/.path", trap.ground.tree / "more")
    return ["status"]


def configuration_of_the_tree(trap: Trap) -> list[str]:
    trap.configure("extensions.worktreeConfig", "true")
    trap.ground.git("config", "--worktree", "core.fsmonitor", str(trap.program()))
    return ["status"]


def swapped_gitfile(trap: Trap) -> list[str]:
    evil = trap.ground.top / "evil"
    trap.ground.git("clone", "-q", str(trap.ground.repository), str(evil), at=trap.ground.top)
    trap.configure("core.fsmonitor", trap.program(), at=evil)
    (trap.ground.tree / ".git").write_text(f"gitdir: {evil}/.git\n")
    return ["status"]


def git_directory_instead_of_the_file(trap: Trap) -> list[str]:
    evil = trap.ground.top / "evil"
    trap.ground.git("clone", "-q", str(trap.ground.repository), str(evil), at=trap.ground.top)
    trap.configure("core.fsmonitor", trap.program(), at=evil)
    (trap.ground.tree / ".git").unlink()
    (evil / ".git").rename(trap.ground.tree / ".git")
    return ["status"]


def registration_that_leads_elsewhere(trap: Trap) -> list[str]:
    evil = trap.ground.top / "evil"
    trap.ground.git("clone", "-q", str(trap.ground.repository), str(evil), at=trap.ground.top)
    trap.configure("core.fsmonitor", trap.program(), at=evil)
    (trap.ground.gitdir / "commondir").write_text(f"{evil}/.git\n")
    return ["status"]


def attributes_file(trap: Trap) -> list[str]:
    (trap.ground.top / "attributes").write_text("* filter=x\n")
    trap.configure("core.attributesFile", trap.ground.top / "attributes")
    trap.configure("filter.x.clean", trap.program())
    trap.touch_a_file()
    return ["status"]


def configuration_of_the_home(trap: Trap) -> list[str]:
    (trap.ground.top / "home" / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {trap.program()}\n")
    return ["status"]


def monitor_of_a_submodule(trap: Trap) -> list[str]:
    ground, sub = trap.ground, trap.ground.tree / "sub"
    ground.git("-c", "protocol.file.allow=always", "clone", "-q", str(ground.repository), str(sub))
    ground.git("update-index", "--add", "--cacheinfo", f"160000,{ground.base},sub")
    (ground.tree / ".gitmodules").write_text('[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = none\n')
    ground.git("add", ".gitmodules")
    ground.git("commit", "-q", "-m", "sub")
    trap.configure("core.fsmonitor", trap.program(), at=sub)
    trap.configure("diff.ignoreSubmodules", "none")
    return ["status"]


def submodule_summary(trap: Trap) -> list[str]:
    monitor_of_a_submodule(trap)
    trap.configure("status.submoduleSummary", "true")
    trap.configure("diff.submodule", "log")
    return ["diff"]


def signature_program(trap: Trap) -> list[str]:
    tree = trap.ground.git("rev-parse", "HEAD^{tree}").strip()
    who = "ana <ana@example.org> 1700000000 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----"
    text = f"tree {tree}\nparent {trap.ground.base}\nauthor {who}\ncommitter {who}\n{signature}\n\nsigned\n"
    signed = trap.ground.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip()
    trap.ground.git("reset", "-q", "--soft", signed)
    trap.configure("gpg.program", trap.program())
    trap.configure("log.showSignature", "true")
    return ["log", "-1"]


def _lose_a_blob(trap: Trap) -> None:
    trap.ground.commit("lost")
    lost = trap.ground.git("rev-parse", "HEAD:lost").strip()
    (trap.ground.repository / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    (trap.ground.tree / "lost").write_text("other")
    trap.configure("extensions.partialClone", "origin")
    trap.configure("core.repositoryFormatVersion", "1")
    trap.configure("remote.origin.promisor", "true")


def ssh_command(trap: Trap) -> list[str]:
    trap.configure("remote.origin.url", "ssh://nobody@localhost:1/x")
    trap.configure("core.sshCommand", trap.program("exit 1"))
    _lose_a_blob(trap)
    return ["diff"]


def remote_helper(trap: Trap) -> list[str]:
    trap.configure("remote.origin.url", f"ext::{trap.program('exit 1')}")
    trap.configure("protocol.ext.allow", "always")
    _lose_a_blob(trap)
    return ["diff"]


def upload_pack(trap: Trap) -> list[str]:
    trap.configure("remote.origin.url", trap.ground.repository)
    trap.configure("remote.origin.uploadpack", trap.program("exit 1"))
    _lose_a_blob(trap)
    return ["diff"]


def credential_helper(trap: Trap) -> list[str]:
    trap.configure("remote.origin.url", f"http://127.0.0.1:{os.environ['REFUSER']}/x")
    trap.configure("credential.helper", trap.program("exit 1"))
    _lose_a_blob(trap)
    return ["diff"]


def editor(trap: Trap) -> list[str]:
    trap.configure("core.editor", trap.program("exit 1"))
    (trap.ground.tree / "a").write_text("other")
    return ["commit", "-a"]


TRICKS: list[Callable[[Trap], list[str]]] = [
    clean_filter,
    required_filter,
    filter_process,
    smudge_filter,
    external_diff,
    diff_command,
    textconv,
    fsmonitor,
    index_that_believes_a_monitor,
    split_index_and_monitor,
    hooks_of_the_repository,
    hooks_path,
    pager,
    alias,
    included_file,
    included_on_condition,
    configuration_of_the_tree,
    swapped_gitfile,
    git_directory_instead_of_the_file,
    registration_that_leads_elsewhere,
    attributes_file,
    configuration_of_the_home,
    monitor_of_a_submodule,
    submodule_summary,
    signature_program,
    ssh_command,
    remote_helper,
    upload_pack,
    credential_helper,
    editor,
]


@pytest.fixture(scope="module")
def refuser() -> Iterator[None]:
    """A web server that asks everybody for a password."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                line.recv(1 << 16)
                line.sendall(b"HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    os.environ["REFUSER"] = str(listener.getsockname()[1])
    yield
    del os.environ["REFUSER"]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.mark.usefixtures("refuser")
@pytest.mark.parametrize("arm", TRICKS, ids=lambda trick: trick.__name__)
def test_a_trick_that_works_on_plain_git_runs_nothing_here(
    arm: Callable[[Trap], list[str]], trap: Trap, inspectors: Zygote
) -> None:
    ground = trap.ground
    plain = arm(trap)
    for question in (ground.gate(), ground.diff(gitdir=None, against=None)):
        told, _ = inspectors.ask(question)
        assert told, "the inspector fell over"
    assert not trap.canary.exists()
    assert ground.left() == []
    ground.git_on_terminal(*plain)
    assert trap.canary.exists(), "the control: plain git runs the trick"
