"""A real browser for tests, driven over the DevTools protocol: contexts, pages, keys, clicks.

`chromium.chromium()` is the process, which several tests may share; `open_browser` is one test's line to it; every
context has cookies, storage and caches of its own.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.devtools import DevTools, Refusal, open_devtools
from tests.keyboard import stroke
from tests.waiting import until_async

SECONDS = 20.0  # that a page may take until a condition holds


class PageError(Exception):
    """An expression raised in the page, or the page could not be opened."""


@dataclass(slots=True)
class Request:
    """What a page asked for. `status` is None until it is answered, `failure` the browser's words when it never is."""

    method: str
    url: str
    headers: dict[str, str]
    status: int | None = None
    failure: str | None = None
    octets: int = 0  # that came over the network, headers included


@dataclass
class Seen:
    """What a page did that its reader does not see."""

    console: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    websockets: list[str] = field(default_factory=list)
    handshakes: list[dict[str, str]] = field(default_factory=list)  # headers of WebSockets that were asked for
    loaded: set[str] = field(default_factory=set)  # loader ids whose `load` has come

    def hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.consoleAPICalled":
            words = [str(each.get("value", each.get("description", ""))) for each in told["args"]]
            self.console.append(f"{told['type']}: {' '.join(words)}")
        elif method == "Log.entryAdded":
            entry = told["entry"]
            self.console.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}".rstrip())
        elif method == "Runtime.exceptionThrown":
            self.exceptions.append(_words(told["exceptionDetails"]))
        elif method == "Page.lifecycleEvent" and told["name"] == "load":
            self.loaded.add(told["loaderId"])
        elif method.startswith("Network."):
            self._hear_network(method.removeprefix("Network."), told)

    def _hear_network(self, method: str, told: dict[str, Any]) -> None:
        if method == "requestWillBeSent":
            asked = told["request"]
            self.requests[told["requestId"]] = Request(asked["method"], asked["url"], dict(asked["headers"]))
        elif method.startswith("webSocket"):
            self._hear_websocket(method, told)
        elif (request := self.requests.get(told.get("requestId", ""))) is None:
            return
        elif method == "requestWillBeSentExtraInfo":
            request.headers.update(told["headers"])
        elif method == "responseReceived":
            request.status = told["response"]["status"]
        elif method == "loadingFinished":
            request.octets = int(told["encodedDataLength"])
        elif method == "loadingFailed":
            request.failure = told.get("blockedReason") or told["errorText"]

    def _hear_websocket(self, method: str, told: dict[str, Any]) -> None:
        if method == "webSocketCreated":
            self.websockets.append(told["url"])
        elif method == "webSocketWillSendHandshakeRequest":
            self.handshakes.append(told["request"]["headers"])

    @property
    def failures(self) -> list[Request]:
        return [request for request in self.requests.values() if request.failure is not None]


class Page:
    """One tab."""

    def __init__(self, tools: DevTools, target: str, session: str) -> None:
        self._tools = tools
        self._target = target
        self._session = session
        self.seen = Seen()
        tools.hear(session, self.seen.hear)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Anything of the protocol that has no word of its own here."""
        return await self._tools.call(method, self._session, **parameters)

    async def prepare(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            await self.call(f"{domain}.enable")
        await self.call("Page.setLifecycleEventsEnabled", enabled=True)

    async def goto(self, url: str) -> None:
        """Open it and wait until it has loaded; only what follows `#` changing loads nothing."""
        answer = await self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise PageError(f"{url}: {answer['errorText']}")
        if "loaderId" in answer:
            await self._loaded(lambda: answer["loaderId"] in self.seen.loaded)

    async def reload(self) -> None:
        before = len(self.seen.loaded)
        await self.call("Page.reload")
        await self._loaded(lambda: len(self.seen.loaded) > before)

    async def _loaded(self, condition: Callable[[], bool]) -> None:
        async def looked() -> bool:
            return condition()

        await until_async(looked, SECONDS)

    async def evaluate(self, expression: str) -> Any:
        """Its value as JSON, a promise awaited. Raises PageError with what it throws."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise PageError(_words(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = SECONDS) -> Any:
        """The value of the expression as soon as it is true. While a page changes there may be nobody to ask."""

        async def looked() -> Any:
            try:
                return await self.evaluate(expression)
            except (PageError, Refusal) as error:
                failed[0] = str(error)
                return None

        failed = [""]
        try:
            return await until_async(looked, seconds)
        except AssertionError as error:
            text = await self.evaluate("document.documentElement?.innerText ?? ''")
            raise AssertionError(
                f"not within {seconds} s: {expression} {failed[0]}\n{text}\n{self.seen.console}\n{self.seen.exceptions}"
            ) from error

    async def sees(self, text: str, seconds: float = SECONDS) -> None:
        """Wait until the page shows these words."""
        await self.until(f"document.body?.innerText.includes({_quoted(text)})", seconds)

    async def text(self) -> str:
        shown: str = await self.evaluate("document.body.innerText")
        return shown

    async def type(self, text: str) -> None:
        """Press a key for each character."""
        for character in text:
            await self.press("Enter" if character == "\n" else character)

    async def press(self, *keys: str) -> None:
        """`press("a", "Enter", "Control+c")`; see `keyboard.stroke`."""
        for key in keys:
            for event in stroke(key):
                await self.call("Input.dispatchKeyEvent", **event)

    async def click(self, selector: str, seconds: float = SECONDS) -> None:
        """Click what the selector finds as soon as it is there and nothing lies over it."""
        await self._click(lambda: self._selected(selector), selector, seconds)

    async def click_named(self, role: str, name: str, seconds: float = SECONDS) -> None:
        """Click what a screen reader would announce by this role and name, as soon as it is there."""
        await self._click(lambda: self._named(role, name), f"{role} {name!r}", seconds)

    async def focus(self, selector: str) -> None:
        await self.until(
            f"(e => e && (e.focus(), document.activeElement === e))(document.querySelector({_quoted(selector)}))"
        )

    async def _click(self, find: Callable[[], Awaitable[str | None]], what: str, seconds: float) -> None:
        async def point() -> tuple[float, float] | None:
            try:
                found = await find()
                return None if found is None else await self._middle(found)
            except Refusal:  # it went away while we looked
                return None

        try:
            x, y = await until_async(point, seconds)
        except AssertionError as error:
            raise AssertionError(f"no {what} to click within {seconds} s\n{await self.text()}") from error
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    async def _selected(self, selector: str) -> str | None:
        answer = await self.call("Runtime.evaluate", expression=f"document.querySelector({_quoted(selector)})")
        found: str | None = answer["result"].get("objectId")
        return found

    async def _named(self, role: str, name: str) -> str | None:
        answer = await self.call("Runtime.evaluate", expression="document")
        root = answer["result"]["objectId"]
        answer = await self.call("Accessibility.queryAXTree", objectId=root, accessibleName=name, role=role)
        for node in answer["nodes"]:
            if not node.get("ignored") and "backendDOMNodeId" in node:
                answer = await self.call("DOM.resolveNode", backendNodeId=node["backendDOMNodeId"])
                found: str = answer["object"]["objectId"]
                return found
        return None

    async def _middle(self, found: str) -> tuple[float, float] | None:
        """Where to click it; None while it is disabled, has no place, or lies under something else."""
        await self.call("DOM.scrollIntoViewIfNeeded", objectId=found)
        answer = await self.call(
            "Runtime.callFunctionOn", objectId=found, functionDeclaration=_MIDDLE, returnByValue=True
        )
        middle = answer["result"].get("value")
        return None if middle is None else (middle[0], middle[1])

    async def offline(self, yes: bool) -> None:
        await self.throttle(offline=yes)

    async def throttle(self, latency: float = 0.0, offline: bool = False) -> None:
        """Add `latency` milliseconds to each request, or cut the network off. Lines that stand are not slowed."""
        await self.call(
            "Network.emulateNetworkConditions",
            offline=offline, latency=latency, downloadThroughput=-1, uploadThroughput=-1,
        )  # fmt: skip

    async def resize(self, width: int, height: int, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=0, mobile=mobile
        )
        await self.call("Emulation.setTouchEmulationEnabled", enabled=mobile)

    async def colours(self, scheme: str) -> None:
        """`light` or `dark`, as the person's system asks for."""
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def screenshot(self) -> bytes:
        """A PNG of what is in view."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    async def close(self) -> None:
        await self._tools.call("Target.closeTarget", targetId=self._target)


class Context:
    """Somebody's browser: cookies, storage and caches apart from all others."""

    def __init__(self, tools: DevTools, id: str | None) -> None:
        self._tools = tools
        self._where = {} if id is None else {"browserContextId": id}

    async def page(self, url: str | None = None) -> Page:
        target = await self._tools.call("Target.createTarget", url="about:blank", **self._where)
        session = await self._tools.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self._tools, target["targetId"], session["sessionId"])
        await page.prepare()
        if url is not None:
            await page.goto(url)
        return page

    async def close(self) -> None:
        await self._tools.call("Target.disposeBrowserContext", **self._where)


class Browser:
    """A test's line to a browser that runs."""

    def __init__(self, tools: DevTools) -> None:
        self._tools = tools
        self.usual = Context(tools, None)  # the others are like private windows, which refuse other sites' cookies

    async def context(self) -> Context:
        made = await self._tools.call("Target.createBrowserContext", disposeOnDetach=True)
        return Context(self._tools, made["browserContextId"])

    async def page(self, url: str | None = None) -> Page:
        """In a context of its own."""
        return await (await self.context()).page(url)


@contextlib.asynccontextmanager
async def open_browser(url: str) -> AsyncIterator[Browser]:
    """A line to the browser at `url`, as `chromium` gives it. Its contexts end with it."""
    async with open_devtools(url) as tools:
        yield Browser(tools)


_MIDDLE = """function () {
  if (this.disabled) return null;
  const box = this.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const hit = document.elementFromPoint(x, y);
  const labels = [...(this.labels ?? [])];
  return box.width && hit && [this, ...labels].some(each => each.contains(hit)) ? [x, y] : null;
}"""


def _quoted(text: str) -> str:
    """As a string of JavaScript."""
    return json.dumps(text)


def _words(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    return str(exception.get("description") or exception.get("value") or details["text"])
