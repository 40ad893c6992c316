import itertools

import pytest

from supervisor.core.verdict import Found, Verdict, judge, lost_reason

TABLE = {
    (False, False, False): Verdict.CLEAN_UP,
    (False, False, True): Verdict.KEEP_WAITING,
    (False, True, False): Verdict.REPORT_EXIT,
    (False, True, True): Verdict.KEEP_WAITING,  # it has written its note and is on its way out
    (True, False, False): Verdict.ADOPT,
    (True, False, True): Verdict.ADOPT,
    (True, True, False): Verdict.ADOPT,
    (True, True, True): Verdict.ADOPT,
}


@pytest.mark.parametrize("facts", list(itertools.product((False, True), repeat=3)))
def test_every_combination_of_facts_has_one_meaning(facts: tuple[bool, bool, bool]) -> None:
    assert judge(Found(*facts)) is TABLE[facts]


def test_silence_alone_never_cleans_up() -> None:
    assert judge(Found(answered=False, left_note=False, lock_held=True)) is not Verdict.CLEAN_UP


def test_another_boot_is_told_from_a_crash() -> None:
    assert lost_reason("boot-1", "boot-2") == "rebooted"
    assert lost_reason("boot-1", "boot-1") == "lost"
    assert lost_reason(None, "boot-1") == "lost"
