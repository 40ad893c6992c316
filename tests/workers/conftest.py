"""What the tests of the inspector share: one zygote, one ground to copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers import asking


@pytest.fixture(scope="session")
def inspectors() -> Iterator[asking.Zygote]:
    with asking.zygote() as made:
        yield made


@pytest.fixture(scope="session")
def first_ground(tmp_path_factory: pytest.TempPathFactory) -> asking.Ground:
    return asking.lay(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def ground(first_ground: asking.Ground, tmp_path: Path) -> asking.Ground:
    return asking.copy(first_ground, tmp_path / "ground")
