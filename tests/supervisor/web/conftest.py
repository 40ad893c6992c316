"""Parts that several test modules of this layer share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.supervisor.web.boxes import ServedBox, serving


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    """One box for all tests of routes; each makes the sessions that it needs."""
    directory = tmp_path_factory.mktemp("box")
    with serving(directory) as box:
        yield box
        assert box.process.poll() is None, (directory / "log").read_text()
