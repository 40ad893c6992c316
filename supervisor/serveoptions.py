"""What `rc serve` was asked for on its command line, as the supervisor's start takes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """None (empty for `projects`) is an option that was not given, which leaves what was last set.

    `projects` are absolute paths as they were typed, links unresolved, and so are `tls_cert` and `tls_key`. `listen`
    are `ADDR:PORT` texts, unread, as are `behind_proxy` and `public_url`; an empty text takes away what was remembered.
    `detach`: return when the box is ready. `continue_`: resume what a reboot or a crash has ended.
    """

    projects: tuple[str, ...] = ()
    spawn: str | None = None
    capacity: int | None = None
    name: str | None = None
    agent: str | None = None
    listen: tuple[str, ...] | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    behind_proxy: tuple[str, ...] | None = None
    public_url: tuple[str, ...] | None = None
    create_session_in_dir: bool | None = None
    verbose: bool = False
    config: str | None = None
    log_json: bool = False
    json: bool = False
    detach: bool = False
    take_over: bool = False
    continue_: bool = False
    state_dir: str | None = None
