"""Batches: how much is offered to a line at once."""

from __future__ import annotations

from supervisor.web.streams.source import BATCH, BATCH_PIECES, NOWHERE, Batch


def test_a_batch_is_full_of_octets_or_of_pieces() -> None:
    batch = Batch()
    assert not batch.is_full
    batch.add(b"x" * BATCH, NOWHERE)
    assert batch.is_full
    batch = Batch()
    for _ in range(BATCH_PIECES):
        assert not batch.is_full
        batch.add(b"x", NOWHERE)
    assert batch.is_full


def test_a_batch_knows_where_its_reader_stands_after_each_piece() -> None:
    batch = Batch()
    batch.add(b"a", (1, 0))
    batch.add(b"b", (1, 5))
    assert (batch.pieces, batch.places, batch.octets) == ([b"a", b"b"], [(1, 0), (1, 5)], 2)
