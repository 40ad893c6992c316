"""Names, their slugs and branches, and whom a name means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from supervisor.core.names import Known, branch_name, check_name, default_name, look_up, slug, suffix
from workers.errors import Refused


@pytest.mark.parametrize(
    "name",
    ["a", "fix login", "-_.#/", "Ünïcode", "修复登录", "हिन्दी", "مرحبا", "عربي ١٢", "x" * 64, "-rf", "feature/#12"],
)
def test_letters_of_any_script_digits_spaces_and_five_marks_are_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "x" * 65,
        "a\nb",
        "a\x00",
        "a\x1b[31m",
        "a\u202eb",
        "a\u2066b",
        "a\u200db",
        "a\ufeffb",
        "a\u3164b",
        "a\ufe0fb",
        "a\U000e0101b",
        "a\u00adb",
        "a\u00a0b",
        "a:b",
        "a\\b",
        "a'b",
        "🚀",
        "a\ud800",
        "a\u2028b",
        "½",
    ],
)
def test_everything_else_is_refused_with_its_cause(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_name(name)
    assert refusal.value.code == "invalid"
    assert refusal.value.detail.isprintable()


def test_the_cause_names_the_character() -> None:
    with pytest.raises(Refused, match=re.escape("U+202E (right-to-left override)")):
        check_name("a\u202eb")


def test_two_ways_to_write_one_letter_are_one_name() -> None:
    assert check_name("cafe\u0301") == check_name("caf\u00e9") == "caf\u00e9"


@given(some.text(max_size=70))
def test_a_name_that_was_taken_is_taken_again_unchanged(text: str) -> None:
    try:
        name = check_name(text)
    except Refused as refusal:
        assert refusal.code == "invalid"
    else:
        assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Fix Login", "fix-login"),
        ("fix_login.v2", "fix-login-v2"),
        ("-rf /", "rf"),
        ("修复登录", "session"),
        ("...", "session"),
        ("feature/#12", "feature-12"),
        ("Ünïcode", "n-code"),
        ("a" * 31 + " b", "a" * 31),
        ("a" * 40, "a" * 32),
    ],
)
def test_a_slug_is_lower_case_ascii_with_dashes(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(some.text(max_size=64))
def test_every_slug_is_safe_in_a_path_and_a_branch(name: str) -> None:
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug(name))
    assert len(slug(name)) <= 32


@given(some.binary(min_size=4, max_size=4))
def test_six_characters_come_out_of_four_octets(chance: bytes) -> None:
    assert re.fullmatch("[a-z2-7]{6}", suffix(chance))


def test_the_branch_is_under_rc_unless_a_branch_has_that_name() -> None:
    assert branch_name("fix-login", "7k3q2x", rc_is_a_branch=False) == "rc/fix-login-7k3q2x"
    assert branch_name("fix-login", "7k3q2x", rc_is_a_branch=True) == "rc-fix-login-7k3q2x"


def test_the_default_name_takes_the_smallest_free_number() -> None:
    assert default_name("shell", []) == "shell-1"
    assert default_name("shell", {"shell-1", "shell-2", "shell-4"}) == "shell-3"
    assert check_name(default_name("a" * 80, [])) == "a" * 62 + "-1"


ANA = Known("session_0b9c1d2e-0000-4000-8000-000000000001", "fix")
BEN = Known("session_0b9cffff-0000-4000-8000-000000000002", "fix", own=False)
CAT = Known("session_staging_77aa0000-0000-4000-8000-000000000003", "0b9c", own=False)
OLD = Known("session_99990000-0000-4000-8000-000000000004", "fix", archived=True)
ALL = [ANA, BEN, CAT, OLD]


def test_a_whole_id_means_its_session() -> None:
    assert look_up(BEN.id, ALL) == [BEN]


def test_an_id_wins_over_a_name_that_looks_like_one() -> None:
    liar = Known("session_11110000-0000-4000-8000-000000000005", ANA.id)
    assert look_up(ANA.id, [liar, ANA]) == [ANA]


def test_a_name_of_an_own_session_wins_over_the_same_name_of_others() -> None:
    assert look_up("fix", ALL) == [ANA]


def test_a_name_of_somebody_else_is_found_where_there_is_no_own() -> None:
    assert look_up("fix", [BEN, CAT]) == [BEN]


def test_what_is_archived_is_found_by_name_only_when_nothing_else_has_it() -> None:
    assert look_up("fix", [OLD]) == [OLD]


def test_a_name_wins_over_a_beginning_of_a_uuid() -> None:
    assert look_up("0b9c", ALL) == [CAT]


def test_a_beginning_of_a_uuid_means_every_session_that_begins_so() -> None:
    assert look_up("0b9c", [ANA, BEN]) == [ANA, BEN]
    assert look_up("0b9c1", [ANA, BEN]) == [ANA]
    assert look_up("0B9C1", [ANA, BEN]) == [ANA]
    assert look_up("session_0b9c1", [ANA, BEN]) == [ANA]
    assert look_up("session_staging_77aa", ALL) == [CAT]


@pytest.mark.parametrize("wanted", ["0b9", "session_0b9", "", "nobody", "session_"])
def test_shorter_beginnings_and_strangers_mean_nobody(wanted: str) -> None:
    assert look_up(wanted, [ANA, BEN]) == []


def test_a_name_is_found_however_its_letters_are_composed() -> None:
    session = Known("session_11110000-0000-4000-8000-000000000006", "caf\u00e9")
    assert look_up("cafe\u0301", [session]) == [session]
