"""Lines of keys in a file."""

from __future__ import annotations

import tomllib

import pytest

from supervisor.core.toml import line_of, syntax_error

TEXT = """\
# a comment = 1
name = "a"

[journal]  # with a comment
terminal_keep = "64 MiB"

[agents.htop]
"command" = ["htop"]
env.A = "1"

[agents]
fish = { adapter = "terminal" }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("journal",), 4),
        (("journal", "terminal_keep"), 5),
        (("agents", "htop", "command"), 8),
        (("agents", "htop", "env", "A"), 9),
        (("agents", "htop", "adapter"), 7),
        (("agents", "fish", "adapter"), 12),
        (("elsewhere",), None),
    ],
)
def test_a_key_has_a_line_or_that_of_what_is_around_it(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line


def test_an_error_of_syntax_has_a_line_except_at_the_end() -> None:
    def error(text: str) -> tuple[str, int | None]:
        with pytest.raises(tomllib.TOMLDecodeError) as caught:
            tomllib.loads(text)
        return syntax_error(caught.value)

    assert error("a = 1\nb = = 2\n") == ("Invalid value", 2)
    assert error("a = ") == ("Invalid value", None)
