"""What requests may hold: bodies and queries, each field checked, unknown fields refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from supervisor.core import workerrecords
from supervisor.core.admission import CAPACITY_MIN
from supervisor.core.options import CAPACITY_MAX, SpawnMode
from supervisor.core.pairing import NUMBER_DIGITS
from workers.core.commands import MAX_CELLS

NAME_LIMIT = 256  # characters before the box's own rule for names is asked, which says what is wrong with them
PATH_LIMIT = 4096  # PATH_MAX
TEXT_LIMIT = 256 * 1024  # of a prompt, as on a stream
LIST_LIMIT = 1000  # sessions or events in one answer, as /openapi.json says
OFFSET_LIMIT = (1 << 63) - 1
TERMINAL_LIMIT = 4 << 20  # octets of terminal output in one answer
SEARCH_LIMIT = 256  # characters
SPAN = re.compile(r"[0-9]{1,9}[smhdw]?", re.ASCII)
SPANS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}  # seconds


def _with_a_program(command: list[str]) -> list[str]:
    if not command[0]:
        raise ValueError("the first word, which names the program, is empty")
    return command


def _as_span(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not is_number and not (isinstance(value, str) and SPAN.fullmatch(value)):
        raise ValueError("give a time span such as 30d, 12h, 90m or 45s, or seconds as a number")
    return value


Text = Annotated[str, Field(max_length=TEXT_LIMIT, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=NAME_LIMIT)]
Path = Annotated[str, Field(max_length=PATH_LIMIT, pattern=r"^[^\x00]*$")]
Cells = Annotated[int, Field(ge=1, le=MAX_CELLS)]
Octets32 = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]  # base64url without padding
PublicKey = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{87})$")]  # Ed25519, or a point of P-256
Variable = Annotated[str, Field(max_length=256, pattern=r"^[^\x00=]+$")]
Argument = Annotated[str, Field(max_length=128 * 1024, pattern=r"^[^\x00]*$")]  # the kernel's MAX_ARG_STRLEN
_FIRST = {"type": "string", "minLength": 1, "maxLength": 128 * 1024, "pattern": r"^[^\x00]*$"}
Command = Annotated[
    list[Argument],
    Field(min_length=1, max_length=4096, json_schema_extra={"prefixItems": [_FIRST]}),
    AfterValidator(_with_a_program),
]
# Not a union of two types: what is wrong with a value would be told once for each, by names that are ours alone.
_SPAN_SCHEMA = {"anyOf": [{"type": "string", "pattern": "^[0-9]{1,9}[smhdw]?$"}, {"type": "integer", "minimum": 0}]}
Span = Annotated[Any, BeforeValidator(_as_span), WithJsonSchema(_SPAN_SCHEMA)]


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
    spawn_mode: SpawnMode | None = None
    base: Name | None = None
    command: Command | None = None
    env: dict[Variable, Argument] = Field(default_factory=dict, max_length=1024)
    rows: Cells = 24
    columns: Cells = 80
    worker: Literal["local", "remote"] = "local"
    made_by: Literal["api", "connect"] = "api"  # which road: `rc connect` finds its own again


class Rename(Body):
    name: Name


def _at_least_one(schema: dict[str, Any]) -> None:
    """What `_changes_something` asks, in the words of a schema."""
    schema["minProperties"] = 1
    for field in schema["properties"].values():
        field |= field.pop("anyOf")[0]
        del field["default"]


class BoxChange(Body):
    """At least one of them, and none as null: whoever asks for a change and gets 200 believes in one."""

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    spawn_mode: SpawnMode | None = None
    capacity: Annotated[int, Field(ge=CAPACITY_MIN, le=CAPACITY_MAX)] | None = None
    name: Name | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> BoxChange:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        for field in self.model_fields_set:
            if getattr(self, field) is None:
                raise ValueError(f"{field} cannot be null")
        return self


class Deletion(Body):
    keep_branch: bool = False


class Execution(Body):
    command: Command
    rows: Cells = 24
    columns: Cells = 80
    plain: bool = False  # for a client that is no terminal: no echo of what it types, and lines that end as written


class WorkerRecords(Body):
    records: Annotated[list[dict[str, Any]], Field(max_length=LIST_LIMIT, description=workerrecords.__doc__)]


class Pruning(Body):
    """`older` is a time span: `30d`, `12h`, `90m`, `45s`, or seconds as a number."""

    older: Span = "30d"

    @property
    def seconds(self) -> float:
        unit = str(self.older)[-1]
        return float(str(self.older).rstrip("smhdw")) * SPANS.get(unit, 1)


class NewProject(Body):
    path: Annotated[Path, Field(pattern=r"^/[^\x00]*$")]


class Shutdown(Body):
    sessions: bool = False


class NewPairing(Body):
    role: Literal["admin"] = "admin"
    person: Literal["owner"] = "owner"


class Claim(Body):
    """By `code` or by `secret`; which of them, `PairingRoutes` checks."""

    code: Annotated[str, Field(max_length=32)] | None = Field(default=None, repr=False)
    secret: Annotated[str, Field(min_length=43, max_length=43)] | None = Field(default=None, repr=False)
    commit: Octets32


class Opening(Body):
    device_key: PublicKey
    nonce_d: Octets32
    label: Name
    kind: Literal["browser", "cli"] | None = None


class Acceptance(Body):
    number: Annotated[str, Field(max_length=32, pattern=rf"^ *([0-9] *){{{NUMBER_DIGITS}}}$", repr=False)]


class NewTicket(Body):
    session: Annotated[str, Field(max_length=128)] | None = None


class NewDevice(Body):
    kind: Literal["machine"]
    public_key: PublicKey
    label: Name


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
