"""A session as the API shows it; /openapi.json has the shape."""

from __future__ import annotations

from typing import Any

from supervisor.sessions.session import Session


def describe(session: Session, url_base: str | None) -> dict[str, Any]:
    """What it was made as, and how it is now. `url_base` is the address of the box, None where nobody reaches it."""
    spec, facts = session.spec, session.facts
    terminal = {"start": facts.start, "offset": session.hub.end, "rows": facts.rows, "columns": facts.columns}
    return {
        "id": spec.id,
        "name": facts.name,
        "state": facts.state.value,
        "agent": spec.agent,
        "project": spec.project,
        "spawn_mode": spec.spawn_mode,
        "url": f"{url_base}/code/{spec.id}" if url_base else None,
        "workspace": spec.workspace or None,  # a remote worker's is nowhere on this box
        "branch": spec.branch,
        "base_commit": spec.base_commit,
        "base_ref": spec.base_ref,
        "created_at": spec.created_at,
        "created_by": {"person": spec.person, "device": spec.device},
        "made_by": spec.made_by,
        "worker": spec.worker,
        "history": facts.history,
        "last_seq": facts.last_seq,
        "terminal": terminal if session.is_terminal else None,
        "turn": facts.turn,
        "doing": facts.doing,
        "open_approvals": 0,
        "viewers": session.hub.lookers,
        "pid": facts.pid,
        "worker_pid": None if session.ended else session.worker_pid,
        "unresponsive": session.unresponsive,
        "exit": facts.exit,
        "archived": facts.archived,
        "sandbox": "none",
    }
