"""The three kinds of failure: refused (the asker's fault), broken (a peer went away), and bugs (AssertionError)."""

from __future__ import annotations


class Refused(Exception):
    """The asker's fault; nothing was changed. Reaches people as a problem object.

    `code` is one of the codes that clients know (`at_capacity`, `kept`, …), `detail` names the cause in one sentence,
    `hint` the next command to try. `fields` are JSON values that go into the problem object at its top level.
    """

    def __init__(self, code: str, detail: str, hint: str = "", **fields: object) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.fields = fields


class Broken(Exception):
    """A peer went away, or spoke something that is not our protocol. What it held is to be closed."""
