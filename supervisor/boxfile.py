"""`box.toml`, the settings that somebody wrote down; what is wrong with it is told with file, line and key."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from supervisor.core.options import Found, Option, Origin
from supervisor.core.toml import line_of, syntax_error
from supervisor.core.unfit import Unfit
from workers.errors import Refused

DEFAULT = "~/.config/rc/box.toml"
SIZE_MAX = 1 << 20  # octets; settings are some KiB, and what is longer was not meant


@dataclass(frozen=True, slots=True)
class BoxFile:
    """What was read. `text` is None where there is no file, and `values` then empty."""

    path: str
    text: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, flag: str | None, environ: Mapping[str, str]) -> BoxFile:
        """By flag, variable or default; only the default one may be missing. Raises Refused `configuration`."""
        named = flag or environ.get("RC_CONFIG")
        path = os.path.abspath(named or os.path.expanduser(DEFAULT))
        try:
            with open(path, "rb") as file:
                octets = file.read(SIZE_MAX + 1)
            if len(octets) > SIZE_MAX:
                raise refusal(path, None, f"more than {SIZE_MAX >> 20} MiB are not read")
            text = octets.decode()
            return cls(path, text, tomllib.loads(text))
        except FileNotFoundError as error:
            if named:
                raise refusal(path, None, "there is no such file") from error
            return cls(path)
        except OSError as error:
            raise refusal(path, None, str(error.strerror)) from error
        except UnicodeDecodeError as error:
            raise refusal(path, octets.count(b"\n", 0, error.start) + 1, "this is not UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            cause, line = syntax_error(error)
            raise refusal(path, line or text.count("\n") + 1, cause) from error

    def find(self, option: Option) -> Found | None:
        """The value of a setting with the line where it stands."""
        value: object = self.values
        for key in option.path:
            if not isinstance(value, Mapping) or key not in value:
                return None
            value = value[key]
        line = line_of(self.text or "", option.path)
        return Found(value, Origin("file", f"{self.path}:{line}" if line else self.path))

    def refuse_strangers(self, known: Iterable[tuple[str, ...]]) -> None:
        """Raises Unfit for a key that is no setting, so that a slip of the pen is not taken for a value."""
        paths = set(known)
        tables = {path[0] for path in paths if len(path) > 1}
        for key, value in self.values.items():
            inner = value if key in tables and isinstance(value, Mapping) else None
            if key in tables and inner is None:
                raise Unfit((key,), f"this is a table: [{key}]")
            for path in [(key, name) for name in inner] if inner is not None else [(key,)]:
                if path not in paths:
                    raise Unfit(path, f"there is no such setting; {_choices(paths, path)}")

    def refuse(self, unfit: Unfit) -> Refused:
        """The refusal of a value that stands in this file."""
        return refusal(self.path, line_of(self.text or "", unfit.path), unfit.cause, ".".join(unfit.path))


def refusal(path: str, line: int | None, cause: str, key: str | None = None) -> Refused:
    place = f"{path}, line {line}" if line else path
    return Refused(
        "configuration",
        f"{place}: {key}: {cause}" if key else f"{place}: {cause}",
        "correct the file, or name another one with --config",
        file=path,
        line=line,
        key=key,
    )


def _choices(paths: set[tuple[str, ...]], wrong: tuple[str, ...]) -> str:
    names = sorted(path[-1] for path in paths if path[:-1] == wrong[:-1])
    place = f"[{wrong[0]}]" if len(wrong) > 1 else "the file"
    return f"{place} takes {', '.join(names)}"
