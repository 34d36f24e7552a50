"""A real, headless Chromium for the tests of pages, spoken to over its debugging pipe.

Every request that a page makes is written down, and `Page.check` fails on any that could leave the machine, on errors
in the console and on exceptions nobody caught. Nothing is waited for but what the page itself says (`Page.wait_for`).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PATIENCE_S = 240.0  # for one answer; a page that never gets there fails rather than hangs
_LOCAL_SCHEMES = ("file", "data", "blob", "about")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Escape": 27, "Enter": 13, "Home": 36}
_KEYS |= {"End": 35, "PageUp": 33, "PageDown": 34, "Tab": 9, "Backspace": 8, " ": 32}
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # CI and containers run as root
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    # pages are several, and all of them are drawn and have their timers
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--no-pings",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--password-store=basic",
    # WebGL2 without a GPU
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # whatever is asked for by name is not found, rather than fetched
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)


class BrowserError(AssertionError):
    """No browser, one that does not answer, or a page that is not as it should be."""


def find_chromium() -> str:
    """The program: what AV_SYNTH_CHROMIUM names, else the first Chromium on PATH; BrowserError says how to get one."""
    named = os.environ.get("AV_SYNTH_CHROMIUM")
    found = [path for name in ([named] if named else NAMES) if (path := shutil.which(name))]
    if found:
        return found[0]
    got = f"AV_SYNTH_CHROMIUM is {named!r}, which is no program" if named else f"none of {', '.join(NAMES)} is on PATH"
    raise BrowserError(
        f"no Chromium: {got}; the pages are tested in a real one: `apt-get install chromium`, "
        "or name another Chromium or Chrome in AV_SYNTH_CHROMIUM"
    )


class Chromium:
    """One browser; its pages are tabs with profiles of their own."""

    def __init__(self, profile: Path) -> None:
        program = find_chromium()
        commands_in, self._commands = os.pipe()
        self._answers, answers_out = os.pipe()
        arguments = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with open(os.devnull, "r+b") as nowhere:
            # it looks for its pipes at 3 and 4, which may be among ours: these are out of the way
            ends = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (commands_in, answers_out)]
            actions = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), fd) for fd in (0, 1, 2)]
            actions += [(os.POSIX_SPAWN_DUP2, ends[0], 3), (os.POSIX_SPAWN_DUP2, ends[1], 4)]
            self.pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setsid=True)
        for fd in (commands_in, answers_out, *ends):
            os.close(fd)
        self._buffer = b""
        self._number = 0
        self._pages: dict[str, Page] = {}
        self.version = str(self.call("Browser.getVersion")["product"])

    def call(self, method: str, parameters: Mapping[str, Any] | None = None, session: str = "") -> dict[str, Any]:
        """Send one command of the DevTools protocol and return its answer; what happens meanwhile is noted by pages."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": dict(parameters or {})}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self._receive(method, until)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            page = self._pages.get(answer.get("sessionId", ""))
            if page is not None and "method" in answer:
                page.note(answer["method"], answer["params"])

    def _receive(self, method: str, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise BrowserError(f"{method}: no answer from Chromium within {PATIENCE_S:.0f} s")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise BrowserError(f"{method}: Chromium has ended; run it by hand to see why: {find_chromium()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))

    @contextmanager
    def page(self, url: str, width: int = 640, height: int = 420) -> Iterator[Page]:
        """A page at `url`, loaded; checked (`Page.check`) when the block ends well, closed in any case."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        wanted = {"url": "about:blank", "browserContextId": context, "width": width, "height": height}
        target = self.call("Target.createTarget", wanted)["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        self._pages[session] = page
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.call(f"{domain}.enable")
            page.resize(width, height)
            page.goto(url)
            yield page
            page.check()
        finally:
            del self._pages[session]
            self.call("Target.closeTarget", {"targetId": target})
            self.call("Target.disposeBrowserContext", {"browserContextId": context})

    def close(self) -> None:
        """End it and all that it started."""
        try:
            self.call("Browser.close")
        finally:
            os.close(self._commands)  # a Chromium whose pipe closes ends by itself
            if not _ended(self.pid, 20.0):
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            os.close(self._answers)


class Page:
    """One tab. Coordinates are CSS pixels from the window's upper left corner."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol to this tab."""
        return self._browser.call(method, parameters, self._session)

    def note(self, method: str, what: Mapping[str, Any]) -> None:
        """Keep what matters of an event."""
        if method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(what["url"])
        elif method == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in what["args"]))
        elif method == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.errors.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")

    def goto(self, url: str) -> None:
        """Go to another address, and wait until it is loaded; one that differs in its #... only loads nothing."""
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        if "loaderId" in answer:
            self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Wait until a JavaScript expression is truthy, and return its value; BrowserError if it never is."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            # asked for again in the page's own time, a second at a time: a page may be replaced by another meanwhile
            value = self.evaluate(
                "new Promise((done) => { const end = performance.now() + 1000; const look = () => { "
                f"const value = ({expression}); if (value || performance.now() > end) done(value); "
                "else setTimeout(look, 10); }; look(); })"
            )
            if value:
                return value
            if self.errors:
                raise BrowserError(f"errors of the page while waiting for {expression}: {self.errors}")
        raise BrowserError(f"never came true within {PATIENCE_S:.0f} s: {expression}; errors: {self.errors}")

    def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of the first element is that a CSS selector finds, scrolled into view."""
        # the mouse goes by the frame that was drawn last: what was scrolled is there when another one has begun
        found = self.evaluate(
            f"(async () => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null; "
            "e.scrollIntoView({block: 'nearest', inline: 'nearest'}); "
            "for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame); "
            "const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2, r.width * r.height]; })()"
        )
        if not found or not found[2]:
            raise BrowserError(f"{selector}: {'is not visible' if found else 'is not there'}")
        return found[0], found[1]

    def click(self, where: str | tuple[float, float]) -> None:
        """Click with the mouse on the middle of what a CSS selector finds, or at a place."""
        x, y = self.middle(where) if isinstance(where, str) else where
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, button="left", clickCount=1)
        self._mouse("mouseReleased", x, y, button="left", clickCount=1)

    def drag(self, begin: tuple[float, float], end: tuple[float, float], steps: int = 4) -> None:
        """Press the left button at one place, and let go at another."""
        self._mouse("mouseMoved", *begin)
        self._mouse("mousePressed", *begin, button="left", clickCount=1)
        for k in range(1, steps + 1):
            x, y = (a + (b - a) * k / steps for a, b in zip(begin, end, strict=True))
            self._mouse("mouseMoved", x, y, button="left", buttons=1)
        self._mouse("mouseReleased", *end, button="left", clickCount=1)

    def wheel(self, where: tuple[float, float], delta_y: float) -> None:
        """Turn the wheel at a place; positive is towards you."""
        self._mouse("mouseWheel", *where, deltaX=0, deltaY=delta_y)

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def press(self, key: str) -> None:
        """Press and release a key: a letter or digit, or a name such as 'ArrowRight'."""
        code = _KEYS.get(key) or ord(key.upper())
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        names = {"key": key, "code": key if len(key) > 1 else "Space" if key == " " else f"Key{key.upper()}"}
        self.call("Input.dispatchKeyEvent", type="keyDown", windowsVirtualKeyCode=code, **names, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", windowsVirtualKeyCode=code, **names)

    def type(self, selector: str, text: str) -> None:
        """Click on a field and put text into it, as from a keyboard."""
        self.click(selector)
        if not self.evaluate(f"document.activeElement === document.querySelector({json.dumps(selector)})"):
            raise BrowserError(f"{selector}: was clicked on and did not get the focus")
        self.call("Input.insertText", text=text)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path | None = None) -> bytes:
        """What is to be seen as a PNG, also written to a file if one is named."""
        picture = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(picture)
        return picture

    def foreign_requests(self) -> list[str]:
        """The requests so far that were not of this machine."""
        return [url for url in self.requests if not _is_local(url)]

    def check(self) -> None:
        """Raise BrowserError if a request could have left the machine, or the page told of an error."""
        self.evaluate("0")  # what happened until now has been noted when this is answered
        if self.foreign_requests():
            raise BrowserError(f"requests that leave the machine: {self.foreign_requests()}")
        if self.errors:
            raise BrowserError(f"errors of the page: {self.errors}")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in _LOCAL_SCHEMES:
        return True
    return parts.scheme in ("http", "ws") and parts.hostname in _LOOPBACK


def _ended(pid: int, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return True
        select.select([], [], [], 0.02)
    return False


@contextmanager
def launched() -> Iterator[Chromium]:
    """A browser with a fresh profile, ended and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        browser = Chromium(Path(profile))
        try:
            yield browser
        finally:
            browser.close()
