"""Who asks on TCP: settled anew for every request, before anything else of it is looked at."""

from __future__ import annotations

from typing import Protocol

import trio

from supervisor.core.access import ANONYMOUS, Principal
from supervisor.web.approach import Approach
from supervisor.web.head import Head


class SignIn(Protocol):
    """Judges one request by its head. Raises Refused(`unauthenticated`) for proof that does not hold; where there is
    none it is anonymous, and the route decides."""

    async def who(self, head: Head, approach: Approach) -> Principal: ...


class Nobody:
    """Where nobody can sign in."""

    async def who(self, head: Head, approach: Approach) -> Principal:
        await trio.lowlevel.checkpoint()
        return ANONYMOUS
