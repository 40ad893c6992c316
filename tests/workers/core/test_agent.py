from __future__ import annotations

import pytest

from workers.adapters.echo import Echo
from workers.adapters.terminal import Terminal
from workers.core.agent import Adapter, EndTurn, Shape


@pytest.mark.parametrize("adapter", [Echo(), Terminal()])
def test_every_adapter_speaks_through_the_same_seam(adapter: Adapter) -> None:
    assert adapter.prompt("hello", 0.0)
    assert adapter.tick(0.0) == []
    ends_turns = any(isinstance(step, EndTurn) for step in adapter.interrupt())
    assert ends_turns is (adapter.shape is Shape.INSIDE)
