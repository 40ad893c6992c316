"""Exit codes: what a script learns from how `rc` ended."""

from __future__ import annotations

from workers.errors import Refused

DONE = 0
FAILED = 1
USAGE = 2
NOT_THERE = 3  # no such session, project, device…
REFUSED = 4  # full, not allowed, kept, already settled
UNREACHABLE = 5
APPROVAL_OPEN = 10
NEW_EXCHANGE = 11  # `rc worker`: its exchange has expired, or there was a later one; with a new one it goes on
CANNOT_BE_HAD = 78  # EX_CONFIG of sysexits(3)
TIMED_OUT = 124  # as timeout(1) has it
INTERRUPTED = 130

SIGNALLED = 128  # plus the number of the signal, as shells have it

# Codes of problems; one that is not here is judged by its HTTP status.
_BY_CODE = {
    "unreachable": UNREACHABLE,
    "failed": FAILED,
    "timeout": TIMED_OUT,
    "configuration": CANNOT_BE_HAD,
    "not_found": NOT_THERE,
    "unknown_session": NOT_THERE,
    "unknown_project": NOT_THERE,
    "agent_unavailable": CANNOT_BE_HAD,
    "unknown_agent": CANNOT_BE_HAD,
    "invalid": USAGE,
    "bad_base": USAGE,
    "not_allowed": REFUSED,
    "too_large": REFUSED,
    "rate_limited": REFUSED,
    "disk_full": REFUSED,
    "not_ready": UNREACHABLE,
    "unauthenticated": REFUSED,
}
_BY_STATUS = {403: REFUSED, 404: NOT_THERE, 409: REFUSED, 422: USAGE}


def exit_of(refused: Refused) -> int:
    """The exit code of a refusal, of the box's or of our own. A field `exit` (our own refusals') has the last word."""
    own = refused.fields.get("exit")
    if isinstance(own, int):
        return own
    status = refused.fields.get("status")
    return _BY_CODE.get(refused.code) or _BY_STATUS.get(status if isinstance(status, int) else 0, FAILED)


def exit_of_agent(exit: object) -> int:
    """The exit code of a session's agent, of its `exit` object: its own, 128 + n for a signal, 1 where neither is
    known (a lost worker)."""
    if not isinstance(exit, dict):
        return FAILED
    code, signal = exit.get("code"), exit.get("signal")
    if isinstance(code, int):
        return code
    return SIGNALLED + number if (number := _signal_number(signal)) else FAILED


def _signal_number(signal: object) -> int:
    import signal as signals

    if isinstance(signal, int):
        return signal
    name, _, above = str(signal or "").removeprefix("SIG").partition("+")  # real-time ones are SIGRTMIN+n
    try:
        return signals.Signals["SIG" + name].value + int(above or 0)
    except (KeyError, ValueError):
        return 0
