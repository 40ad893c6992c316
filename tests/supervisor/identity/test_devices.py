"""Devices are known by their keys, over restarts, until they are revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from supervisor.core.access import OWNER, Principal
from supervisor.identity.devices import MOST_DEVICES, USE_SECONDS, Device, Devices
from supervisor.store import Act, Store, Value
from tests.supervisor.identity.parts import Hands
from workers.errors import Refused


async def kept(store: Store) -> list[tuple[str, str | None]]:
    rows = await store.read(lambda connection: connection.execute("SELECT label, last_used_at FROM devices").fetchall())
    return [(label, used) for label, used in rows]


async def test_a_device_is_still_known_after_a_restart(tmp_path: Path) -> None:
    hands = Hands()
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, hands.clock)
        made = await devices.add("key_a", "browser", "Ana's phone", OWNER)
        by = Principal("owner", device=made.id)
        await devices.add("key_b", "machine", "a script", by)
        again = await Devices.load(store, hands.clock)
        found = again.by_key("key_a")
        assert found is not None and found.show(by) == {
            "id": made.id,
            "kind": "browser",
            "label": "Ana's phone",
            "person": "owner",
            "role": "admin",
            "created_at": "2027-01-15T08:00:00.000Z",
            "created_by": {"person": "owner", "device": None},
            "last_used_at": None,
            "lines": 0,
            "current": True,
        }
        assert [device.created_by["device"] for device in again] == [None, made.id]
        assert found.principal == by
        assert found.show(OWNER)["current"] is False


async def test_a_key_that_is_known_stays_the_device_that_it_is(tmp_path: Path) -> None:
    hands = Hands()
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, hands.clock)
        made: list[Device] = []

        async def add(label: str) -> None:
            made.append(await devices.add("key_a", "browser", label, OWNER))

        async with trio.open_nursery() as both:
            both.start_soon(add, "one")
            both.start_soon(add, "two")
        assert made[0] is made[1] and len(list(devices)) == 1
        assert await kept(store) == [(made[0].label, None)]


async def test_one_that_is_locked_out_may_be_paired_again(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, Hands().clock)
        device = await devices.add("key_a", "browser", "x", OWNER)
        device.revoked.set()
        assert devices.by_key("key_a") is None and devices.find(device.id) is None
        assert devices.get(device.id) is device
        again = await devices.add("key_a", "browser", "y", OWNER)
        assert again.id == device.id and devices.find(again.id) is again
        await devices.remove(device)
        assert devices.find(again.id) is again  # who revoked meant the one before
        assert await kept(store) == [("y", None)]


async def test_what_a_device_has_open_ends_with_it(tmp_path: Path) -> None:
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, Hands().clock)
        device = await devices.add("key_a", "browser", "x", OWNER)
        with devices.line(OWNER) as ends:
            assert ends is None
        with devices.line(device.principal) as ends:
            assert ends is device.revoked and not ends.is_set()
            device.revoked.set()
            await devices.remove(device)
        with devices.line(device.principal) as ends:
            assert ends is not None and ends.is_set()
        assert devices.get(device.id) is None and await kept(store) == []
        await devices.write_uses()


async def test_a_device_is_in_use_for_as_long_as_it_has_a_line(tmp_path: Path) -> None:
    hands = Hands()
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        devices = await Devices.load(store, hands.clock)
        device = await devices.add("key_a", "browser", "x", OWNER)
        with devices.line(device.principal), devices.line(device.principal):
            assert device.show(OWNER)["lines"] == 2
            hands.wait(60.0)
        assert device.show(OWNER)["lines"] == 0
        assert device.last_used_at == "2027-01-15T08:01:00.000Z"


async def test_there_is_room_for_so_many(tmp_path: Path) -> None:
    hands = Hands()
    async with Store.open(str(tmp_path / "box.sqlite")) as store:
        known = [Device(f"device_{n}", f"key_{n}", "machine", "x", "", {}) for n in range(MOST_DEVICES)]
        devices = Devices(store, hands.clock, known)
        with pytest.raises(Refused) as caught:
            await devices.add("key_a", "browser", "x", OWNER)
        assert caught.value.code == "invalid_state"


class Watched(Store):
    """A store that tells when something was written."""

    written = trio.Event()

    async def write(self, act: Act[Value]) -> Value:
        value = await super().write(act)
        self.written.set()
        return value


async def test_when_it_was_used_is_written_once_a_minute(tmp_path: Path, autojump_clock: MockClock) -> None:
    hands = Hands()
    async with Watched.open(str(tmp_path / "box.sqlite")) as store, trio.open_nursery() as nursery:
        assert isinstance(store, Watched)
        devices = await Devices.load(store, hands.clock)
        device = await devices.add("key_a", "browser", "x", OWNER)
        store.written = trio.Event()
        began = trio.current_time()
        devices.used(device)
        hands.wait(5.0)
        devices.used(device)
        assert device.last_used_at == "2027-01-15T08:00:05.000Z"
        nursery.start_soon(devices.keep_uses)
        await store.written.wait()
        assert trio.current_time() - began >= USE_SECONDS
        assert await kept(store) == [("x", "2027-01-15T08:00:05.000Z")]
        nursery.cancel_scope.cancel()


class FullDisk(Store):
    """A store on a disk that is full."""

    async def write(self, act: Act[Value]) -> Value:
        raise Refused("disk_full", "the disk is full")


async def test_a_full_disk_is_no_reason_to_end(tmp_path: Path) -> None:
    async with FullDisk.open(str(tmp_path / "box.sqlite")) as store:
        device = Device("device_a", "key_a", "browser", "x", "", {})
        devices = Devices(store, Hands().clock, [device])
        devices.used(device)
        with capture_logs() as lines:
            await devices.write_uses()
        assert [line["event"] for line in lines] == ["device_uses_not_kept"]
        with pytest.raises(Refused):
            await devices.remove(device)
        assert devices.get("device_a") is device


def test_what_is_logged_and_shown_of_a_device_is_no_secret() -> None:
    assert "Event" not in repr(Device("device_a", "key_a", "browser", "x", "", {}))
