"""What requests may hold: bodies and queries, each field checked, unknown fields refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workers.core.commands import MAX_CELLS

NAME_LIMIT = 256  # characters before the box's own rule for names is asked, which says what is wrong with them
PATH_LIMIT = 4096  # PATH_MAX
TEXT_LIMIT = 256 * 1024  # of a prompt, as on a stream
LIST_LIMIT = 1000  # sessions or events in one answer, by the interface
OFFSET_LIMIT = (1 << 63) - 1
TERMINAL_LIMIT = 4 << 20  # octets of terminal output in one answer
SEARCH_LIMIT = 256  # characters
SPANS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}  # seconds

Text = Annotated[str, Field(max_length=TEXT_LIMIT, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=NAME_LIMIT)]
Path = Annotated[str, Field(max_length=PATH_LIMIT, pattern=r"^[^\x00]*$")]
Cells = Annotated[int, Field(ge=1, le=MAX_CELLS)]
Variable = Annotated[str, Field(max_length=256, pattern=r"^[^\x00=]+$")]
Argument = Annotated[str, Field(max_length=128 * 1024, pattern=r"^[^\x00]*$")]  # the kernel's MAX_ARG_STRLEN
Command = Annotated[list[Argument], Field(min_length=1, max_length=4096)]


class Body(BaseModel):
    """A JSON object in a request."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Query(BaseModel):
    """What stands behind the `?`; not strict, since everything there is text."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """For what takes no fields."""


class NewSession(Body):
    agent: Name | None = None
    project: Path | None = None
    name: Name | None = None
    prompt: Text | None = None
    spawn_mode: Literal["same-dir", "worktree"] | None = None
    base: Name | None = None
    command: Command | None = None
    env: dict[Variable, Argument] = Field(default_factory=dict, max_length=1024)
    rows: Cells = 24
    columns: Cells = 80
    made_by: Literal["api", "connect"] = "api"  # which road: `rc connect` finds its own again


class Rename(Body):
    name: Name


class BoxChange(Body):
    spawn_mode: Literal["same-dir", "worktree"] | None = None
    capacity: Annotated[int, Field(ge=1, le=1024)] | None = None
    name: Name | None = None


class Deletion(Body):
    keep_branch: bool = False


class Execution(Body):
    command: Command
    rows: Cells = 24
    columns: Cells = 80
    plain: bool = False  # for a client that is no terminal: no echo of what it types, and lines that end as written


class Pruning(Body):
    """`older` is a time span: `30d`, `12h`, `90m`, `45s`, or seconds as a number."""

    older: Annotated[str, Field(pattern=r"^[0-9]{1,9}[smhdw]?$")] | Annotated[int, Field(ge=0)] = "30d"

    @property
    def seconds(self) -> float:
        unit = str(self.older)[-1]
        return float(str(self.older).rstrip("smhdw")) * SPANS.get(unit, 1)


class NewProject(Body):
    path: Annotated[Path, Field(pattern=r"^/[^\x00]*$")]


class Shutdown(Body):
    sessions: bool = False


class SessionsQuery(Query):
    state: Annotated[str, Field(max_length=SEARCH_LIMIT)] | None = None
    project: Path | None = None
    archived: bool | None = None
    q: Annotated[str, Field(max_length=SEARCH_LIMIT)] | None = None
    since: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_LIMIT)] = LIST_LIMIT
    cursor: Annotated[str, Field(max_length=256)] | None = None


class EventsQuery(Query):
    after: Annotated[int, Field(ge=0, le=OFFSET_LIMIT)] | None = None
    before: Annotated[int, Field(ge=1, le=OFFSET_LIMIT)] | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_LIMIT)] = 200


class TerminalQuery(Query):
    start: Annotated[int, Field(ge=0, le=OFFSET_LIMIT, alias="from")] = 0
    limit: Annotated[int, Field(ge=1, le=TERMINAL_LIMIT)] = TERMINAL_LIMIT


class DiffQuery(Query):
    against: Literal["base", "head"] = "base"


class FilesQuery(Query):
    path: Path = ""


class FileQuery(Query):
    path: Path


CommandBody = dict[str, Any]  # checked by `core.messages`, which the streams use too
