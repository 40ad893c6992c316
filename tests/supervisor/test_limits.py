"""How many descriptors the supervisor may have."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import resource, sys
from supervisor.limits import raise_descriptor_limit
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_descriptor_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "then"), [(256, 4096, 4096), (1024, 17_000, 16_384), (17_000, 17_000, 17_000)]
)
def test_as_many_descriptors_are_allowed_as_connections_may_need(soft: int, hard: int, then: int) -> None:
    asked = [sys.executable, "-c", LOOK, str(soft), str(hard)]
    assert subprocess.run(asked, check=True, capture_output=True, text=True).stdout == f"{then}\n"
