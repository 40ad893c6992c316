"""Settings as a whole: from every place at once, each with its source."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from supervisor.core.options import Origin, options
from supervisor.core.room import Limits
from supervisor.records import Remembered
from supervisor.serveoptions import ServeOptions
from supervisor.settings import Settings, login_shell, settle_all
from workers.errors import Refused

MANUAL = Path(__file__).parents[2] / "configs" / "box.toml"
AT = "2026-01-01T00:00:00.000Z"


def settled(
    folder: Path,
    flags: ServeOptions | None = None,
    environ: dict[str, str] | None = None,
    text: str = "",
    **runtime: object,
) -> Settings:
    (folder / "box.toml").write_text(text, encoding="utf-8")
    environ = {"RC_CONFIG": str(folder / "box.toml"), "PATH": os.defpath, **(environ or {})}
    kept = {key: Remembered(value, "flag", "owner", AT) for key, value in runtime.items()}
    return settle_all(flags or ServeOptions(), environ, kept)


def test_each_value_tells_its_source(tmp_path: Path) -> None:
    settings = settled(
        tmp_path,
        ServeOptions(capacity=3),
        {"RC_LISTEN": "127.0.0.1:0"},
        "[log]\nverbose = true\n",
        spawn_mode="worktree",
    )
    assert (settings.capacity, settings.listen, settings.spawn_mode) == (3, ("127.0.0.1:0",), "worktree")
    shown = {row["key"]: (row["source"], row["where"]) for row in settings.describe()}
    assert shown["capacity"] == ("flag", "--capacity")
    assert shown["listen"] == ("environment", "RC_LISTEN")
    assert shown["verbose"] == ("file", f"{tmp_path}/box.toml:2")
    assert shown["default_agent"] == ("default", None)
    assert settings.origins["spawn_mode"] == Origin("runtime", "flag", "owner", AT)


def test_a_flag_is_remembered_and_a_default_is_not(tmp_path: Path) -> None:
    settings = settled(tmp_path, ServeOptions(capacity=3, name="workshop", verbose=True))
    assert settings.to_remember() == {"capacity": 3, "name": "workshop"}


def test_session_mode_has_room_for_one_and_is_not_remembered(tmp_path: Path) -> None:
    settings = settled(tmp_path, ServeOptions(spawn="session", capacity=7, name="one"))
    assert settings.capacity == 1
    assert settings.to_remember() == {"name": "one"}


def test_what_is_changed_at_run_time_shows_who_and_when(tmp_path: Path) -> None:
    origin = Origin("runtime", "rc mode", "owner", AT)
    settings = settled(tmp_path).changed("spawn_mode", "worktree", origin)
    assert settings.spawn_mode == "worktree"
    assert {
        "key": "spawn_mode",
        "value": "worktree",
        "source": "runtime",
        "where": "rc mode",
        "who": "owner",
        "at": AT,
    } in (settings.describe())


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("capacity = 0", "box.toml, line 1: capacity: this is a whole number from 1 to 1024"),
        ("\n[journal]\nterminal_keep = true", "box.toml, line 3: journal.terminal_keep: this is a size"),
        ("[agents.claude]\nadapter = 'claude'", "box.toml, line 2: agents.claude.adapter: this release does not"),
        ("colour = 1", "box.toml, line 1: colour: there is no such setting"),
        ("default_agent = 'claude'", "box.toml, line 1: default_agent: 'claude' is none of 'shell', 'echo'"),
    ],
)
def test_an_error_in_the_file_names_file_line_and_key(tmp_path: Path, text: str, detail: str) -> None:
    with pytest.raises(Refused) as caught:
        settled(tmp_path, text=text)
    assert caught.value.code == "configuration"
    assert caught.value.detail.startswith(f"{tmp_path}/{detail}")


def test_an_error_in_a_flag_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        settled(tmp_path, ServeOptions(agent="nobody"))
    assert (caught.value.code, caught.value.detail) == ("configuration", "--agent: 'nobody' is none of 'shell', 'echo'")


def test_an_agent_is_a_row_whose_program_is_there(tmp_path: Path) -> None:
    text = "[agents.tool]\nadapter = 'terminal'\ncommand = ['no-such-program']\n"
    settings = settled(tmp_path, text=text)
    assert settings.agent("echo").adapter == "echo"
    with pytest.raises(Refused) as unknown:
        settings.agent("nobody")
    with pytest.raises(Refused) as missing:
        settings.agent("tool")
    assert (unknown.value.code, missing.value.code) == ("unknown_agent", "agent_unavailable")
    assert settings.describe_agents()[1:] == [
        {"name": "echo", "adapter": "echo", "available": True, "why": None, "command": []},
        {
            "name": "tool",
            "adapter": "terminal",
            "available": False,
            "why": "there is no program no-such-program",
            "command": ["no-such-program"],
        },
    ]


def test_the_room_to_leave_on_the_disk_is_a_setting(tmp_path: Path) -> None:
    settings = settled(tmp_path, text='[disk]\nkeep_free = "2 GiB"\nkeep_free_percent = 1\n')
    assert settings.room == Limits(octets=2 << 30, percent=1)
    assert settled(tmp_path).room == Limits()


def test_the_shell_is_that_of_the_environment_or_of_the_account() -> None:
    assert login_shell({"SHELL": "/bin/sh"}) == "/bin/sh"
    assert login_shell({"SHELL": "/no/such/shell"}) == "/bin/sh"
    assert login_shell({"SHELL": "/usr/sbin/nologin"}) == "/bin/sh"
    assert os.access(login_shell({}), os.X_OK)


def test_the_manual_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = MANUAL.read_text(encoding="utf-8")
    values = tomllib.loads(text)
    for option in options("", ("shell", "echo")):
        if option.key == "name":  # its default is the name of the machine
            assert "# name = " in text
            continue
        table = values[option.path[0]] if len(option.path) == 2 else values
        assert option.check(table[option.path[-1]], option.path) == option.default
    assert settled(tmp_path, text=text).config == str(tmp_path / "box.toml")


def test_the_example_of_an_agent_in_the_manual_can_be_used(tmp_path: Path) -> None:
    text = MANUAL.read_text(encoding="utf-8")
    example = text[text.index("# [agents.htop]") :].replace("# ", "")
    assert settled(tmp_path, text=example).row("htop").command == ("htop", "--tree")
