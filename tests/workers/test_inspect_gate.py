"""The facts of the gate: nothing that could be lost is overlooked."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workers.asking import Ground, Heard
from workers.inspect_gate import answer

SEVERAL = ("changed", "untracked", "ignored", "submodules", "stashes", "unpushed")


def look(ground: Ground, **other: Any) -> dict[str, Any]:
    """What was found: only what speaks against a deletion, without the counts."""
    heard = Heard()
    answer(ground.gate(**other), heard)
    assert ground.left() == []
    facts = heard.told["gate"]
    found = {kind: facts[kind]["found"] for kind in SEVERAL if facts[kind]["count"]}
    others = ("missing", "not_ours", "unreadable", "operations")
    return found | {kind: facts[kind] for kind in others if facts[kind]} | _processes(facts)


def _processes(facts: dict[str, Any]) -> dict[str, Any]:
    return {"processes": facts["processes"]["found"]} if facts["processes"]["count"] else {}


def test_an_untouched_tree_has_nothing_to_tell(ground: Ground) -> None:
    assert look(ground) == {}


def test_changed_untracked_and_ignored_files_are_named(ground: Ground) -> None:
    (ground.tree / "a").write_text("other")
    (ground.tree / "b").unlink()
    (ground.tree / "new").mkdir()
    (ground.tree / "new" / "one").touch()
    (ground.tree / "x.log").touch()
    assert look(ground) == {"changed": ["a", "b"], "untracked": ["new/one"], "ignored": ["x.log"]}


def test_a_staged_change_that_was_undone_in_the_file_counts(ground: Ground) -> None:
    (ground.tree / "a").write_text("precious")
    ground.git("add", "a")
    (ground.tree / "a").write_text("a\n")
    assert look(ground) == {"changed": ["a"]}


def test_a_configuration_that_hides_untracked_files_hides_nothing(ground: Ground) -> None:
    ground.git("config", "status.showUntrackedFiles", "no")
    ground.git("config", "core.untrackedCache", "true")
    ground.git("status")
    (ground.tree / "new").touch()
    assert look(ground) == {"untracked": ["new"]}


def test_files_that_git_was_told_to_overlook_count(ground: Ground) -> None:
    ground.git("update-index", "--assume-unchanged", "a")
    ground.git("update-index", "--skip-worktree", "b")
    assert look(ground) == {}
    for name in ("a", "b"):
        (ground.tree / name).write_text("other")
    assert look(ground) == {"changed": ["a", "b"]}


def test_a_sparse_checkout_is_not_a_change(ground: Ground) -> None:
    ground.git("status")  # the copied files are new to git; it removes only what it knows
    ground.git("sparse-checkout", "set", "--no-cone", "/a", "/.gitignore")
    assert not (ground.tree / "b").exists()
    assert look(ground) == {}
    (ground.tree / "b").write_text("not as committed")
    assert look(ground) == {"changed": ["b"]}


def test_a_change_within_the_same_instant_as_the_index_is_seen(ground: Ground) -> None:
    # Same size, same time: git sees it only because the index is not younger than the file.
    (ground.tree / "a").write_text("1\n")
    ground.git("add", "a")
    ground.git("commit", "-qm", "one")
    facts = (ground.tree / "a").stat()
    (ground.tree / "a").write_text("2\n")
    os.utime(ground.tree / "a", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    os.utime(ground.gitdir / "index", ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    assert look(ground, base_commit=ground.git("rev-parse", "HEAD").strip()) == {"changed": ["a"]}


def test_a_filter_counts_as_a_change_only_when_the_file_must_be_read(ground: Ground) -> None:
    ground.git("config", "filter.up.clean", "tr a-z A-Z")
    (ground.repository / ".git" / "info").mkdir(exist_ok=True)
    (ground.repository / ".git" / "info" / "attributes").write_text("a filter=up\n")
    ground.git("add", "--renormalize", ".")
    ground.git("commit", "-qm", "upper")
    base = ground.git("rev-parse", "HEAD").strip()
    later = time.time_ns() + 10**9
    os.utime(ground.gitdir / "index", ns=(later, later))
    assert look(ground, base_commit=base) == {}
    os.utime(ground.tree / "a", ns=(later, later))
    assert look(ground, base_commit=base) == {"changed": ["a"]}


def test_a_repository_hidden_in_the_tree_is_found(ground: Ground) -> None:
    ground.git("init", "-q", "nested")
    ground.git("init", "-q", "d")  # beside tracked files git says nothing of it
    assert ground.git("status", "--porcelain") in ("", "?? nested/\n")
    assert look(ground)["untracked"] == ["nested/", "d/.git"]


def test_a_filled_submodule_counts_and_an_empty_one_does_not(ground: Ground) -> None:
    ground.git("update-index", "--add", "--cacheinfo", f"160000,{ground.base},sub")
    ground.git("commit", "-qm", "sub")
    base = ground.git("rev-parse", "HEAD").strip()
    (ground.tree / "sub").mkdir(exist_ok=True)
    assert look(ground, base_commit=base) == {}
    ground.git("init", "-q", "sub")
    assert look(ground, base_commit=base) == {"submodules": ["sub"]}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_directory_that_cannot_be_read_is_not_taken_for_empty(ground: Ground) -> None:
    (ground.tree / "closed").mkdir(mode=0)
    try:
        assert "closed" in look(ground)["unreadable"][0]
    finally:
        (ground.tree / "closed").chmod(0o700)


def test_rules_that_git_would_wait_for_are_not_opened(ground: Ground) -> None:
    os.mkfifo(ground.tree / "d" / ".gitignore")
    assert look(ground) == {"unreadable": ["d/.gitignore is not a file"]}


def test_a_fifo_in_the_place_of_a_file_is_a_change(ground: Ground) -> None:
    (ground.tree / "a").unlink()
    os.mkfifo(ground.tree / "a")
    assert look(ground) == {"changed": ["a"]}


def test_objects_that_are_borrowed_from_elsewhere_are_found(ground: Ground) -> None:
    objects = ground.repository / ".git" / "objects"
    (ground.top / "lender").mkdir()
    for name in os.listdir(objects):
        (objects / name).rename(ground.top / "lender" / name)
    (objects / "info").mkdir()
    (objects / "info" / "alternates").write_text("../../../lender\n")
    assert look(ground) == {}


def begin_merge(ground: Ground) -> None:
    (ground.gitdir / "MERGE_HEAD").write_text(f"{ground.base}\n")


def begin_rebase(ground: Ground) -> None:
    (ground.gitdir / "rebase-merge").mkdir()


def begin_bisect(ground: Ground) -> None:
    ground.git("bisect", "start")


def begin_pick(ground: Ground) -> None:
    (ground.gitdir / "CHERRY_PICK_HEAD").write_text(f"{ground.base}\n")


def begin_revert(ground: Ground) -> None:
    ground.git("revert", "--no-commit", "HEAD", check=False)


def begin_am(ground: Ground) -> None:
    ground.git("am", stdin="From: x\nSubject: y\n\n---\nnonsense\n", check=False)
    (ground.gitdir / "rebase-apply").mkdir(exist_ok=True)


def begin_to_write(ground: Ground) -> None:
    (ground.gitdir / "index.lock").touch()


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (begin_merge, "merge"),
        (begin_rebase, "rebase"),
        (begin_bisect, "bisect"),
        (begin_pick, "cherry-pick"),
        (begin_revert, "revert"),
        (begin_am, "rebase or am"),
        (begin_to_write, "a git command that is writing the index"),
    ],
)
def test_an_operation_in_progress_is_named(ground: Ground, begin: Callable[[Ground], None], words: str) -> None:
    begin(ground)
    assert words in look(ground)["operations"]


def test_commits_that_are_nowhere_else_are_named_wherever_they_hang(ground: Ground) -> None:
    first = ground.commit("first")
    assert look(ground) == {"unpushed": [first]}
    ground.git("reset", "-q", "--hard", "base")  # now in the reflog alone
    assert look(ground) == {"unpushed": [first]}
    ground.git("checkout", "-q", "--detach")
    second = ground.commit("second")
    ground.git("checkout", "-q", "rc/fix")
    assert set(look(ground)["unpushed"]) == {first, second}


def test_a_commit_of_the_branch_alone_counts(ground: Ground) -> None:
    made = ground.git("commit-tree", "-m", "x", "-p", "HEAD", "HEAD^{tree}").strip()
    ground.git("checkout", "-q", "--detach")
    ground.git("branch", "-q", "-f", "rc/fix", made)
    assert look(ground) == {"unpushed": [made]}


def test_a_commit_of_the_trees_own_refs_counts(ground: Ground) -> None:
    made = ground.git("commit-tree", "-m", "x", "-p", "HEAD", "HEAD^{tree}").strip()
    ground.git("update-ref", "refs/worktree/kept", made)
    assert look(ground) == {"unpushed": [made]}


def test_what_a_remote_or_the_base_branch_has_is_safe(ground: Ground) -> None:
    made = ground.commit("made")
    ground.git("update-ref", "refs/remotes/origin/topic", made)
    assert look(ground) == {}
    ground.git("pack-refs", "--all")
    assert look(ground) == {}
    ground.git("update-ref", "refs/remotes/origin/topic", ground.base)  # a forced push took it away again
    assert look(ground) == {"unpushed": [made]}
    ground.git("update-ref", "refs/heads/main", made)
    assert look(ground) == {}
    assert look(ground, base_ref="HEAD") == {"unpushed": [made]}
    assert look(ground, base_ref="main~1") == {"unpushed": [made]}
    assert look(ground, base_ref=None) == {"unpushed": [made]}


def test_the_own_branch_is_no_proof_whatever_the_base_is_called(ground: Ground) -> None:
    made = ground.commit("made")
    assert look(ground, base_ref="rc/fix") == {"unpushed": [made]}


def test_commits_that_were_collected_long_ago_do_not_matter(ground: Ground) -> None:
    log = ground.gitdir / "logs" / "HEAD"
    log.write_text(f"{'1' * 40} {ground.base} x <x> 1 +0000\tcheckout\n" + log.read_text())
    assert look(ground) == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("logs/HEAD", b"nonsense\n"),
        ("HEAD", b"nonsense\n"),
        ("HEAD", b"ref: ../../x\n"),
        ("HEAD", b"1" * 40 + b"\n"),
        ("index", b"nonsense"),
        ("index", b"DIRC" + bytes(200)),
    ],
)
def test_what_is_damaged_is_unreadable_and_never_clean(ground: Ground, name: str, content: bytes) -> None:
    (ground.gitdir / name).write_bytes(content)
    assert look(ground)["unreadable"]


def test_a_fifo_in_the_registration_is_unreadable_at_once(ground: Ground) -> None:
    (ground.gitdir / "index").unlink()
    os.mkfifo(ground.gitdir / "index")
    assert "is not a regular file" in look(ground)["unreadable"][0]


def test_a_stash_of_our_branch_belongs_to_us_and_another_does_not(ground: Ground) -> None:
    (ground.repository / "a").write_text("theirs")
    ground.git("stash", "push", "-q", "-m", "their work", at=ground.repository)
    assert look(ground) == {}
    (ground.tree / "a").write_text("ours")
    ground.git("stash", "push", "-q", "-m", "our work")
    assert look(ground) == {"stashes": ["stash@{0}: On rc/fix: our work"]}


def test_a_stash_on_no_branch_belongs_to_whoever_was_at_that_commit(ground: Ground) -> None:
    ground.git("checkout", "-q", "--detach")
    (ground.tree / "a").write_text("ours")
    ground.git("stash", "-q")
    ground.git("checkout", "-q", "rc/fix")
    assert look(ground)["stashes"][0].startswith("stash@{0}: WIP on (no branch)")


def test_a_swapped_gitfile_is_not_ours(ground: Ground) -> None:
    evil = ground.top / "evil"
    ground.git("clone", "-q", str(ground.repository), str(evil))
    (ground.tree / ".git").write_text(f"gitdir: {evil}/.git\n")
    assert look(ground) == {"not_ours": "its .git file points to another repository"}
    (ground.tree / ".git").unlink()
    assert look(ground) == {"not_ours": "its .git file is gone or replaced"}
    (ground.tree / ".git").symlink_to(evil / ".git")
    assert look(ground) == {"not_ours": "its .git file is gone or replaced"}
    (ground.tree / ".git").unlink()
    (evil / ".git").rename(ground.tree / ".git")
    assert look(ground) == {"not_ours": "its .git file is gone or replaced"}


def test_a_registration_that_does_not_lead_back_is_not_ours(ground: Ground) -> None:
    (ground.gitdir / "commondir").write_text(f"{ground.top}/evil\n")
    assert "another repository" in look(ground)["not_ours"]
    (ground.gitdir / "gitdir").write_text("/elsewhere/.git\n")
    assert "another place" in look(ground)["not_ours"]
    shutil.rmtree(ground.gitdir)
    assert "does not know" in look(ground)["not_ours"]


def test_a_link_in_the_place_of_the_tree_is_not_ours(ground: Ground) -> None:
    ground.tree.rename(ground.top / "other")
    ground.tree.symlink_to(ground.top / "other")
    assert look(ground) == {"not_ours": "something else stands where the tree was"}


def test_a_tree_that_is_gone_still_answers_for_its_commits(ground: Ground) -> None:
    made = ground.commit("made")
    shutil.rmtree(ground.tree)
    assert look(ground) == {"missing": True, "unpushed": [made]}


def test_a_tree_in_the_trash_is_known_by_where_it_was(ground: Ground) -> None:
    moved = ground.top / "trash"
    ground.tree.rename(moved)
    assert look(ground, tree=str(moved)) == {}
    (moved / "new").touch()
    assert look(ground, tree=str(moved)) == {"untracked": ["new"]}


def test_a_process_in_the_tree_is_named(ground: Ground) -> None:
    sleeper = subprocess.Popen(["sleep", "1000"], cwd=ground.tree)
    try:
        (found,) = look(ground)["processes"]
        assert (found["pid"], found["how"]) == (sleeper.pid, "works in it")
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_program_of_git_in_the_tree_is_not_of_this_path(ground: Ground, tmp_path: Path) -> None:
    """A relative PATH would find the agent's own `git` first."""
    trick = ground.tree / "git"
    trick.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    trick.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f".:{path}"
    try:
        assert look(ground) == {"untracked": ["git"]}
        subprocess.run(["git", "status"], cwd=ground.tree)
    finally:
        os.environ["PATH"] = path
    assert (tmp_path / "canary").exists(), "the control"


def test_what_must_be_archived_is_told(ground: Ground) -> None:
    ground.commit("first")
    second = ground.commit("second")
    ground.git("reset", "-q", "--hard", "base")
    third = ground.commit("third")
    heard = Heard()
    answer(ground.gate(), heard)
    facts = heard.told["gate"]
    assert (facts["head"], facts["branch_at"]) == (third, third)
    assert second in facts["tips"]
    assert ground.base not in facts["tips"]  # HEAD leads to it


def test_of_a_tree_that_is_gone_and_forgotten_the_branch_is_left(ground: Ground) -> None:
    made = ground.commit("made")
    ground.git("worktree", "remove", str(ground.tree), at=ground.repository)
    assert look(ground, gitdir=None) == {"missing": True, "unpushed": [made]}
    ground.git("update-ref", "refs/remotes/origin/x", made, at=ground.repository)
    assert look(ground, gitdir=None) == {"missing": True}
    ground.git("branch", "-D", "rc/fix", at=ground.repository)
    assert look(ground, gitdir=None) == {"missing": True}


def test_a_tree_that_stands_but_is_forgotten_is_not_ours(ground: Ground) -> None:
    assert look(ground, gitdir=None) == {"not_ours": "the repository does not know this worktree"}
