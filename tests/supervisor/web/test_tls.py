"""TLS on one connection, over real sockets and with other people's client."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from supervisor.web.tls import HANDSHAKE_TIMEOUT, TlsStream
from tests.supervisor.web.doors import server_context, trusting_context
from workers.errors import Refused

Client = trio.SSLStream[trio.SocketStream]


async def raw_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


@contextlib.asynccontextmanager
async def pair(
    directory: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> AsyncIterator[tuple[TlsStream, Client]]:
    ours, theirs = await raw_pair()
    trusted = trusting_context()
    trusted.maximum_version = version
    trusted.set_alpn_protocols(["h2", "http/1.1"])
    server = TlsStream(ours, server_context(directory))
    client = trio.SSLStream(theirs, trusted, server_hostname="localhost")
    async with ours, theirs:
        async with trio.open_nursery() as shaking:
            shaking.start_soon(server.do_handshake)
            shaking.start_soon(client.do_handshake)
        yield server, client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_what_one_side_sends_the_other_gets(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with pair(tmp_path, version) as (server, client):
        assert server.selected_alpn_protocol() == client.selected_alpn_protocol() == "http/1.1"
        await client.send_all(b"question")
        assert await server.receive_some(5) == b"quest"
        assert await server.receive_some() == b"ion"
        await server.send_all(b"answer")
        assert await client.receive_some() == b"answer"
        await server.send_all(b"")


async def test_more_than_a_record_comes_whole(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        whole = bytes(range(256)) * 4096
        async with trio.open_nursery() as both:
            both.start_soon(server.send_all, whole)
            got = b""
            while len(got) < len(whole):
                got += await client.receive_some()
        assert got == whole
        async with trio.open_nursery() as both:
            both.start_soon(client.send_all, whole)
            got = b""
            while len(got) < len(whole):
                got += await server.receive_some(1000)
        assert got == whole


async def test_sealing_and_unsealing_wait_for_nobody(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        sealed = server.seal(b"one") + server.seal(memoryview(b"two"))
        await server.transport_stream.send_all(sealed)
        assert await client.receive_some() + await client.receive_some() == b"onetwo"
        await client.send_all(b"three")
        octets = await server.transport_stream.receive_some()
        assert server.unseal(bytes(octets[:7])) == b""
        assert server.unseal(bytes(octets[7:])) == b"three"
        assert server.unseal(b"") == b""


async def test_the_end_is_said_in_both_directions(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        await client.send_all(b"last words")
        await server.send_eof()
        assert await client.receive_some() == b""
        assert await server.receive_some() == b"last words"  # half of the line is still open
        await client.send_all(b"and some more")
        assert await server.receive_some() == b"and some more"
        with pytest.raises(trio.BrokenResourceError):
            await server.send_all(b"too late")
        with pytest.raises(trio.ClosedResourceError):
            server.seal(b"too late")
        with trio.move_on_after(1):
            await client.aclose()
        assert await server.receive_some() == b""


async def test_a_client_that_is_simply_gone_is_an_end(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        await client.transport_stream.send_eof()
        assert await server.receive_some() == b""
        assert await server.receive_some() == b""


async def test_octets_that_are_no_record_break_the_line(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        await client.transport_stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            await server.receive_some()


async def test_after_a_send_that_was_cut_short_nothing_follows(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, _):
        with trio.move_on_after(0.01):
            await server.send_all(b"x" * (8 << 20))
        with pytest.raises(trio.BrokenResourceError):
            await server.send_all(b"y")
        with trio.move_on_after(0.01):
            await server.send_eof()  # says nothing into the middle of a record
    await server.aclose()


async def shake(directory: Path, said: bytes) -> TlsStream:
    ours, theirs = await raw_pair()
    server = TlsStream(ours, server_context(directory))
    async with ours, theirs:
        await theirs.send_all(said)
        await server.do_handshake()
    return server


async def test_plain_http_is_told_from_tls(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="speaks TLS"):
        await shake(tmp_path, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


async def test_nonsense_ends_the_handshake(tmp_path: Path) -> None:
    with pytest.raises(trio.BrokenResourceError, match="no agreement"):
        await shake(tmp_path, b"\x00" * 64)


async def test_who_leaves_in_the_handshake_ends_it(tmp_path: Path) -> None:
    ours, theirs = await raw_pair()
    await theirs.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await TlsStream(ours, server_context(tmp_path)).do_handshake()
    await ours.aclose()


async def test_a_handshake_that_drips_times_out(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    with pytest.raises(trio.BrokenResourceError, match="too long"):
        await shake(tmp_path, b"\x16\x03\x01")
    assert trio.current_time() - began == HANDSHAKE_TIMEOUT
