"""Real git repositories for tests, made in a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# Whoever runs the tests may have settings of their own, or none.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    **{f"GIT_{who}_{what}": "tester@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(path: str | Path, *arguments: str, stdin: str | None = None) -> str:
    """The output of git in `path`, without its last line's end. Fails the test when git fails."""
    command = ["git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", *arguments]
    done = subprocess.run(command, cwd=path, env=ENVIRONMENT, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.removesuffix("\n")


def empty_repository(path: Path, *arguments: str) -> Path:
    """A new repository without a commit, on the branch `main`."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", *arguments)
    return path


def commit(path: Path, files: dict[str, str], message: str = "change") -> str:
    """Write files, commit them all, and give the new commit."""
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(path, "rev-parse", "HEAD")


def repository(path: Path) -> Path:
    """A new repository with one commit of two files on the branch `main`."""
    empty_repository(path)
    commit(path, {"README": "hello\n", "sub/deep/file": "1\n"}, "first")
    return path


def clone(origin: Path, path: Path) -> Path:
    """A clone, with `origin/HEAD` as every clone has it."""
    git(origin.parent, "clone", "--quiet", str(origin), str(path))
    return path


def traces(path: Path) -> tuple[list[str], list[str]]:
    """What creating a worktree could leave in a repository: registrations and refs."""
    worktrees = git(path, "worktree", "list", "--porcelain").split("\n\n")
    return worktrees, git(path, "for-each-ref", "--format=%(refname)").splitlines()


def alive(pid: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
