"""The launcher: keeps one zygote alive and asks it for workers, inspectors and programs to run once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Iterator

import structlog
import trio

import workers
from workers.errors import Broken

LOG = "zygote.log"
RESTART_SECONDS = 1.0  # a zygote that dies at once must not become a storm of processes
SILENT_SECONDS = 5.0  # a fork takes it 2 ms; one that reads no wish for this long is stopped, or stuck
LOOK_SECONDS = 0.5  # how often that is looked at, while a wish waits
END_SECONDS = 3.0  # a zygote ends some milliseconds after its socket; forking for others may take it a while
REACH_SECONDS = 10.0  # how long a wish waits for a zygote that is being started again
CHECK_SECONDS = 2.0  # who asks whether a session could be started wants to know about now
MAX_WISH = 128 << 10  # one message of the control socket; the environment goes by the bundle, except for `exec`

# The package is loaded by its directory: with -I -S no site-packages is on the path, which keeps `workers` honest
# about the standard library and the start fast.
BOOT = (
    "import sys, importlib.util as u\n"
    "d = sys.argv[1]\n"
    "s = u.spec_from_file_location('workers', d + '/__init__.py', submodule_search_locations=[d])\n"
    "sys.modules['workers'] = m = u.module_from_spec(s)\n"
    "s.loader.exec_module(m)\n"
    "from workers.zygote import main\n"
    "main(int(sys.argv[2]), *sys.argv[3:])\n"
)

log = structlog.get_logger()


def start_zygote(scratch: str = "") -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A new zygote and our end of its control socket. Not async, so that it can be the first act of `rc serve`.

    With a `scratch` directory it rehearses a session there, which makes each worker half a megabyte smaller, and
    leaves in `zygote.log` what it has to complain of, as does what is forked from it: our own stderr may be a screen,
    or lines of JSON.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, _complaints(scratch) as complaints, contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", BOOT, os.path.dirname(workers.__file__)]
        child = subprocess.Popen(
            [*command, str(theirs.fileno()), *([scratch] if scratch else [])],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")},
            start_new_session=True,
        )
        undo.pop_all()
    ours.setblocking(False)
    return child, ours


def encoded(wish: dict[str, object]) -> bytes:
    """A wish as it goes to the zygote, which takes `MAX_WISH` octets."""
    return json.dumps(wish).encode()


@contextlib.contextmanager
def _complaints(scratch: str) -> Iterator[int | None]:
    """Where it writes them, anew for each zygote; None for our own stderr, when there is no better place."""
    descriptor = None
    if scratch:
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            descriptor = os.open(os.path.join(scratch, LOG), flags, 0o600)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


class Launcher:
    """`run` keeps the zygote; `launch` and `ask` may be called from any task."""

    def __init__(self, scratch: str = "") -> None:
        self._scratch = scratch
        self._control: socket.socket | None = None
        self._up = trio.Event()
        self._number = 0  # how many zygotes there have been
        self._came = trio.Event()  # the next one
        self._wished = trio.Event()
        self._sending = trio.Lock()  # trio lets one task at a time wait for room in a socket

    async def run(
        self,
        first: tuple[subprocess.Popen[bytes], socket.socket] | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep a zygote until cancelled, beginning with `first`; workers do not notice when it goes."""
        while True:
            try:
                child, control = first or start_zygote(self._scratch)
            except OSError as error:  # no process or descriptor is to be had now; the sessions that run need none
                log.error("zygote_not_started", cause=str(error))
                await trio.sleep(RESTART_SECONDS)
                continue
            first = None
            self._control = control
            self._number += 1
            self._up.set()
            self._came.set()
            self._came = trio.Event()
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._kill_when_silent, child, control)
                    await _wait_for(child)
                    nursery.cancel_scope.cancel()
                log.warning(
                    "zygote_ended", pid=child.pid, status=child.returncode, complaints=os.path.join(self._scratch, LOG)
                )
            finally:
                self._control, self._up = None, trio.Event()
                with contextlib.suppress(OSError):
                    trio.lowlevel.notify_closing(control)
                control.close()  # its end of file ends the zygote
                with trio.CancelScope(shield=True):
                    await _end(child)
            await trio.sleep(RESTART_SECONDS)

    async def _kill_when_silent(self, child: subprocess.Popen[bytes], control: socket.socket) -> None:
        while True:
            await self._wished.wait()
            self._wished = trio.Event()
            left, since = _unread(control), trio.current_time()
            while left:
                await trio.sleep(LOOK_SECONDS)
                before, left = left, _unread(control)
                if left < before:
                    since = trio.current_time()
                elif trio.current_time() - since >= SILENT_SECONDS:
                    log.warning("zygote_silent", pid=child.pid)
                    child.kill()
                    return

    @property
    def number(self) -> int:
        """Which zygote it is that wishes go to. What an earlier one was asked for may never have been read."""
        return self._number

    async def wait_next(self, number: int) -> None:
        """Until there is a later zygote than this."""
        while self._number <= number:
            await self._came.wait()

    async def check(self) -> None:
        """Return when the zygote has forked a process that does nothing. Raises Broken when it does not within
        `CHECK_SECONDS`."""
        with trio.move_on_after(CHECK_SECONDS):
            async with self.ask({"do": "nothing"}) as stream:
                await stream.receive_some(1)  # its end, which is all that comes
            return
        raise Broken("the process that starts workers does not answer")

    async def launch(self, bundle: str, *, resume: bool = False) -> None:
        """Ask for a detached worker of this bundle. That it runs shows on its link. Raises Broken."""
        await self._wish({"do": "worker", "bundle": bundle, "resume": resume}, None)

    @contextlib.asynccontextmanager
    async def ask(self, wish: dict[str, object]) -> AsyncIterator[trio.SocketStream]:
        """Ask for an inspector, with a stream on which it answers; closing the stream ends it. Raises Broken."""
        async with trio.SocketStream(trio.socket.from_stdlib_socket(await self.hand_over(wish))) as stream:
            yield stream

    async def hand_over(self, wish: dict[str, object]) -> socket.socket:
        """Ask for a process that talks over a socket of its own: our end of it. Raises Broken."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            try:
                await self._wish(wish, theirs)
            except BaseException:
                ours.close()
                raise
        return ours

    async def _wish(self, wish: dict[str, object], handed: socket.socket | None) -> None:
        message = encoded(wish)
        if len(message) > MAX_WISH:
            raise Broken(f"{len(message)} octets are more than the zygote takes at once")
        with trio.move_on_after(REACH_SECONDS):
            while True:
                await self._up.wait()
                async with self._sending:
                    if self._control is not None and await _send(self._control, message, handed):
                        self._wished.set()
                        return
                await trio.sleep(RESTART_SECONDS / 10)
        raise Broken("the process that starts workers does not come up")


async def _send(control: socket.socket, message: bytes, handed: socket.socket | None) -> bool:
    """Whether the zygote has it; false when this zygote is gone."""
    while True:
        try:
            socket.send_fds(control, [message], [handed.fileno()] if handed else [])
            return True
        except BlockingIOError:
            try:
                await trio.lowlevel.wait_writable(control)
            except trio.ClosedResourceError:
                return False
        except OSError:
            return False


def _unread(control: socket.socket) -> int:
    """Octets of wishes that the zygote has not read; SIOCOUTQ has the number of TIOCOUTQ."""
    return int.from_bytes(fcntl.ioctl(control, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


async def _end(child: subprocess.Popen[bytes]) -> None:
    """Wait for a zygote whose socket is closed; one that was stopped does not see that, and is killed."""
    if child.poll() is None:
        with trio.move_on_after(END_SECONDS):
            await _wait_for(child)
            return
        log.warning("zygote_killed", pid=child.pid)
        child.kill()
        await trio.to_thread.run_sync(child.wait)


async def _wait_for(child: subprocess.Popen[bytes]) -> None:
    descriptor = os.pidfd_open(child.pid)
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        trio.lowlevel.notify_closing(descriptor)
        os.close(descriptor)
    child.wait()
