import pytest
import trio

from supervisor.sessions.errands import Errands
from workers.errors import Refused


async def test_an_errand_goes_on_when_who_asked_has_gone() -> None:
    errands, begun, go_on, finished = Errands(), trio.Event(), trio.Event(), trio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        finished.set()

    async with trio.open_nursery() as box:
        await box.start(errands.run)
        async with trio.open_nursery() as asking:
            asking.start_soon(errands.carry_out, work)
            await begun.wait()
            asking.cancel_scope.cancel()
        go_on.set()
        await finished.wait()
        box.cancel_scope.cancel()


async def test_what_an_errand_gives_or_refuses_reaches_who_asked() -> None:
    errands = Errands()

    async def gives() -> int:
        return 7

    async def refuses() -> int:
        raise Refused("kept", "there is work in it")

    async with trio.open_nursery() as box:
        await box.start(errands.run)
        assert await errands.carry_out(gives) == 7
        with pytest.raises(Refused, match="work in it"):
            await errands.carry_out(refuses)
        box.cancel_scope.cancel()


async def test_a_fault_in_an_errand_is_its_askers_and_the_others_go_on() -> None:
    errands = Errands()

    async def fails() -> int:
        raise AssertionError("a bug")

    async def gives() -> int:
        return 1

    async with trio.open_nursery() as box:
        await box.start(errands.run)
        with pytest.raises(AssertionError, match="a bug"):
            await errands.carry_out(fails)
        assert await errands.carry_out(gives) == 1
        box.cancel_scope.cancel()
