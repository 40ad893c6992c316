"""Errors as people and programs get them: each code with its HTTP status and title, and the problem object."""

from __future__ import annotations

from workers.errors import Refused

# Every code that a refusal may carry. The status is part of the contract, the title is for people.
CODES: dict[str, tuple[int, str]] = {
    "unauthenticated": (401, "Sign in first"),
    "not_allowed": (403, "Not allowed"),
    "not_found": (404, "Nothing here"),
    "unknown_session": (404, "No such session"),
    "method_not_allowed": (405, "Not with this method"),
    "request_timeout": (408, "The request took too long"),
    "invalid_state": (409, "Not in this state"),
    "at_capacity": (409, "All slots are taken"),
    "single_session_busy": (409, "The one session of this box is taken"),
    "mode_fixed": (409, "The spawn mode cannot be changed"),
    "not_a_repository": (409, "Not a git repository"),
    "agent_unavailable": (409, "The agent is not available"),
    "kept": (409, "Kept, so that no work is lost"),
    "changed": (409, "It has changed since"),
    "not_running": (409, "The session is not running"),
    "name_taken": (409, "The name is taken"),
    "project_gone": (409, "The project's directory is gone"),
    "worker_is_local": (409, "The worker is local"),
    "stale_generation": (409, "An older generation"),
    "lease_held": (409, "Somebody else is typing"),
    "already_claimed": (409, "Claimed already"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Not this kind of content"),
    "misdirected": (421, "Not meant for this box"),
    "invalid": (422, "Invalid"),
    "bad_base": (422, "No such base"),
    "unknown_project": (422, "No such project"),
    "unknown_agent": (422, "No such agent"),
    "rate_limited": (429, "Too often"),
    "head_too_large": (431, "The head of the request is too large"),
    "internal": (500, "A fault of this box"),
    "launch_failed": (502, "The agent did not start"),
    "git_failed": (502, "Git failed"),
    "not_ready": (503, "Not ready"),
    "disk_full": (507, "The disk is full"),
}

INTERNAL = Refused(
    "internal",
    "a fault in the box itself ended this request",
    "look into the log of `rc serve`, then try again",
)


def status_of(code: str) -> int:
    """The HTTP status of a code. Raises KeyError for a code that is not ours, which is a bug."""
    return CODES[code][0]


def problem(refused: Refused) -> dict[str, object]:
    """The problem object (RFC 9457) of a refusal, with its fields at the top level."""
    status, title = CODES[refused.code]
    return {
        **refused.fields,
        "type": f"urn:rc:problem:{refused.code}",
        "title": title,
        "status": status,
        "code": refused.code,
        "detail": refused.detail,
        "hint": refused.hint,
    }
