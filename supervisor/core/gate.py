"""The deletion gate: what an inspector found in a tree, and why the tree is therefore kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from supervisor.core.told import as_count, as_flag, as_list, as_object, as_text

LIST_MAX = 1000  # things told by name; the inspector tells 20, and 1,000 commits for the archive
COMMIT_SHOWN = 12  # digits of a commit's id that people read


@dataclass(frozen=True, slots=True)
class Several:
    """How many there are, and some of them by name."""

    count: int = 0
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sitter:
    """A process inside a tree, and what holds it there (`works in it`)."""

    pid: int
    name: str
    how: str


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What an inspector found out. `unreadable` is what it could not find out, one sentence each.

    `missing`: no tree is there. `not_ours`: why it is not the tree that was registered; then little else is known.
    `head` is HEAD's commit, `branch_at` the commit of the session's branch, `tips` what else must be archived.
    """

    missing: bool = False
    not_ours: str | None = None
    unreadable: tuple[str, ...] = ()
    processes: int = 0
    sitters: tuple[Sitter, ...] = ()
    operations: tuple[str, ...] = ()
    changed: Several = Several()
    untracked: Several = Several()
    ignored: Several = Several()
    submodules: Several = Several()
    stashes: Several = Several()
    unpushed: Several = Several()
    head: str | None = None
    branch_at: str | None = None
    tips: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Any) -> GateFacts:
        """Of an inspector's answer, which nobody vouches for. Raises ValueError for anything that is not one."""
        facts = as_object(value)
        processes = as_object(facts.get("processes"))
        kinds = ("changed", "untracked", "ignored", "submodules", "stashes", "unpushed")
        return cls(
            missing=as_flag(facts.get("missing")),
            not_ours=_text_or_none(facts.get("not_ours")),
            unreadable=_texts(facts.get("unreadable")),
            processes=as_count(processes.get("count")),
            sitters=tuple(_sitter(one) for one in as_list(processes.get("found"), LIST_MAX)),
            operations=_texts(facts.get("operations")),
            head=_text_or_none(facts.get("head")),
            branch_at=_text_or_none(facts.get("branch_at")),
            tips=_texts(facts.get("tips")),
            **{kind: _several(facts.get(kind)) for kind in kinds},
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a tree is kept: a code that clients know, a sentence, and some of the paths it is about."""

    code: str
    detail: str
    paths: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail} | ({"paths": list(self.paths)} if self.paths else {})


RUNNING = Reason("running", "it is running")


def reasons(facts: GateFacts) -> list[Reason]:
    """Why this tree must not be taken; empty when nothing of it can be lost."""
    found = [Reason("unreadable", detail) for detail in facts.unreadable]
    if facts.not_ours is not None:
        found.append(Reason("not_ours", facts.not_ours))
    if facts.processes:
        found.append(Reason("process_inside", _processes(facts)))
    found += [Reason("operation_in_progress", f"not finished: {words}") for words in facts.operations]
    for code, several, what in (
        ("changed", facts.changed, "changed and not committed"),
        ("untracked", facts.untracked, "not tracked by git"),
        ("ignored", facts.ignored, "ignored by git, and nowhere else"),
        ("submodule", facts.submodules, "a submodule with files in it"),
    ):
        if several.count:
            found.append(Reason(code, f"{several.count} {what}", several.found))
    if facts.stashes.count:
        found.append(Reason("stash", f"stashed here: {_some(facts.stashes, facts.stashes.found)}"))
    if facts.unpushed.count:
        short = tuple(commit[:COMMIT_SHOWN] for commit in facts.unpushed.found)
        words = f"commits on no remote and not in the base: {_some(facts.unpushed, short)}"
        found.append(Reason("unpushed", words))
    return found


def _processes(facts: GateFacts) -> str:
    told = tuple(f"{one.pid} ({one.name}) {one.how}" for one in facts.sitters)
    return f"processes inside: {_some(Several(facts.processes), told)}"


def _some(several: Several, told: tuple[str, ...]) -> str:
    more = several.count - len(told)
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _several(value: Any) -> Several:
    told = as_object(value)
    several = Several(as_count(told.get("count")), _texts(told.get("found")))
    if len(several.found) > several.count:
        raise ValueError("more by name than there are")
    return several


def _sitter(value: Any) -> Sitter:
    told = as_object(value)
    return Sitter(as_count(told.get("pid")), as_text(told.get("name")), as_text(told.get("how")))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(as_text(one) for one in as_list(value, LIST_MAX))


def _text_or_none(value: Any) -> str | None:
    return None if value is None else as_text(value)
