from supervisor.core.room import Disk, Limits

GIB = 1 << 30


def test_enough_is_enough() -> None:
    assert Limits().shortage(Disk(100 * GIB, 6 * GIB)) == 0


def test_a_small_disk_keeps_a_gibibyte() -> None:
    assert Limits().shortage(Disk(10 * GIB, GIB - 1)) == 1


def test_a_large_disk_keeps_its_percentage() -> None:
    assert Limits().shortage(Disk(100 * GIB, 4 * GIB)) == GIB
