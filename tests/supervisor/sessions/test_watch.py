import trio
from trio.testing import MockClock

from supervisor.sessions.watch import BOX, Watches


async def test_a_watcher_learns_of_each_change_once(autojump_clock: MockClock) -> None:
    watches = Watches()
    with watches.watching() as watch:
        for key in ("session_1", BOX, "session_1", "session_1"):
            watches.touch(key)
        assert await watch.next() == {"session_1", BOX}
        with trio.move_on_after(60) as patience:
            await watch.next()
        assert patience.cancelled_caught


async def test_every_watcher_has_its_own_list() -> None:
    watches = Watches()
    with watches.watching() as early:
        watches.touch("session_1")
        with watches.watching() as late:
            watches.touch("session_2")
            assert await late.next() == {"session_2"}
        watches.touch("session_3")
        assert await early.next() == {"session_1", "session_2", "session_3"}
