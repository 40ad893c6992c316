"""Every way in which another page in a person's browser can reach for their box, tried for real."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.browser import Context, Page
from tests.flows.attacker import site_beside
from tests.waiting import until_async

# Names that lead to this machine whoever asks. `rebound.example` has two addresses, as `localhost` has.
RESOLVER = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example localhost"
# A person who takes cookies of other sites: what protects the box may not be this setting.
TRUSTING = {"profile": {"cookie_controls_mode": 0}}

FROM_A_PAGE = ("read", "json", "blind", "form", "guess", "websocket", "frame")
FROM_NOWHERE = FROM_A_PAGE[:-1]  # what is framed in a frame without an origin has none itself


@dataclass(frozen=True, slots=True)
class Prey:
    """A server on 127.0.0.1 and ::1. `started` are the names of the sessions that were started on it, and what else was
    done there under such a name; `code` is that of a pairing, for who would claim it."""

    port: int
    port6: int
    started: Callable[[], set[str]]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way from one place, and whether it got what it wanted. `is_stopped` where browsers see to that by themselves,
    whoever is asked."""

    where: str
    target: str
    way: str
    succeeded: bool
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    page: str
    target: str
    nowhere: str | None = None
    is_stopped: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        return FROM_A_PAGE if self.nowhere is None and not self.is_stopped else FROM_NOWHERE


def _places(prey: Prey, attacker: int) -> list[_Place]:
    evil, beside = f"http://evil.example:{attacker}/", f"http://127.0.0.1:{attacker}/"
    own, own6 = f"http://127.0.0.1:{prey.port}", f"http://[::1]:{prey.port6}"
    rebound = f"http://rebound.example:{prey.port}"
    return [
        _Place("another site", evil, own),
        _Place("another site", evil, f"http://localhost:{prey.port}"),
        _Place("another site", evil, own6),
        _Place("another port", beside, own),
        _Place("another port", beside, own6),
        # To another site's page a browser gives no cookie of a plain http host but those of the loopback's own names.
        _Place("another site", evil, f"http://0.0.0.0:{prey.port}", is_stopped=True),
        _Place("another port", f"http://0.0.0.0:{attacker}/", f"http://0.0.0.0:{prey.port}"),
        _Place("sandboxed frame", evil, own, "sandbox"),
        _Place("document without origin", evil, own, "data"),
        _Place("rebound name", f"{rebound}/", rebound),
    ]


async def abuse(browser: Context, prey: Prey, attacker: int) -> list[Attempt]:
    """All of them, from pages of the site at port `attacker`, in a browser in which the person uses the prey."""
    attempts = []
    for number, place in enumerate(_places(prey, attacker)):
        page = await _open(browser, prey, place)
        mark = f"mark{number}"
        told = await _attack(page, place, mark, prey.code)
        if "frame" in place.ways:
            await _cover(page, prey, place, mark)
        started = prey.started()
        for way in place.ways:
            succeeded = told.get(way) is True or f"{mark}-{way}" in started
            attempts.append(Attempt(place.name, place.target, way, succeeded, place.is_stopped))
        await page.close()
    return attempts


async def _open(browser: Context, prey: Prey, place: _Place) -> Page:
    if "rebound" not in place.page:
        return await browser.page(place.page)
    with site_beside(prey.port):
        return await browser.page(place.page)


async def _attack(page: Page, place: _Place, mark: str, code: str) -> dict[str, object]:
    arguments = ", ".join(map(json.dumps, (place.target, mark, code)))
    if place.nowhere is not None:
        told: dict[str, object] = await page.evaluate(f"attackFromNowhere({json.dumps(place.nowhere)}, {arguments})")
        assert told["origin"] == "null"
        return told
    return dict(await page.evaluate(f"attack({arguments})"))


async def _cover(page: Page, prey: Prey, place: _Place, mark: str) -> None:
    """Let the person click what they do not see, until that worked or the browser has refused to show it."""
    await page.evaluate(f"cover({json.dumps(place.target)}, {json.dumps(mark)})")

    async def settled() -> bool:
        await page.click("#cover")
        shown = [request for request in page.seen.requests.values() if request.url == f"{place.target}/"][-1]
        return shown.failure is not None or f"{mark}-frame" in prey.started()

    await until_async(settled)
