"""What the tests of workers share: zygotes, since starting one takes 0.2 s, and one ground for the inspector's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers import asking, parts


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


@pytest.fixture(scope="session")
def zygote() -> Iterator[parts.Zygote]:
    made = parts.Zygote()
    yield made
    made.close()


@pytest.fixture
def workers(zygote: parts.Zygote, tmp_path: Path) -> Iterator[parts.Workers]:
    made = parts.Workers(zygote, tmp_path)
    yield made
    made.close()
