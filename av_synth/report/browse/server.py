"""The server of the page: read-only, for this machine, and of nothing but what its library has.

Addresses are patterns of a fixed table; scenes, frames and channels in them are looked up, and never become paths. What
is read is a file that a manifest or a table lists. It answers GET and HEAD, and only those who call it by an address or
as localhost: a page of elsewhere whose name was made to lead here (DNS rebinding) is refused, as is what other sites
ask for.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from av_synth import __version__
from av_synth.errors import AvSynthError, UserError
from av_synth.report.browse.library import Library, image_kind
from av_synth.report.thumbnails import read_bytes
from av_synth.report.viewer.page import plain_script

_LOOPBACK = "127.0.0.1"
PAGE_FILES = {
    "style.css": "text/css",
    "core.js": "text/javascript",
    "filters.js": "text/javascript",
    "list.js": "text/javascript",
    "lens.js": "text/javascript",
    "boxes.js": "text/javascript",
    "above.js": "text/javascript",
    "panels.js": "text/javascript",
    "scene.js": "text/javascript",
    "main.js": "text/javascript",
}
"""What lies beside index.html, and its type."""

_OF_BOTH = "lens.js"  # the viewer's
_MOST_PATH = 2000
_QUIET_S = 30.0  # a connection that says nothing for so long is closed
_KEEP = "private, max-age=60"  # pictures: a browser need not ask again while one scrolls
_POLICY = "default-src 'none'; {}base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OF_PAGE = _POLICY.format("script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; ")
# one file that somebody else's run is in: it may draw, and reach nobody
_OF_VIEWER = _POLICY.format("script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; ")


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    body: bytes
    kind: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def page_file(name: str) -> bytes:
    """A file of the page as it is in the package: index.html, or one of `PAGE_FILES`."""
    if name == _OF_BOTH:
        return plain_script(name).encode()
    return (resources.files("av_synth.report.browse") / "page" / name).read_bytes()


class BrowseServer:
    """Serves a library from a thread of its own while the context is open.

    Attributes:
        library: what is served.
        address: where the page is, such as http://127.0.0.1:41234/.
    """

    def __init__(self, library: Library, host: str = _LOOPBACK, port: int = 0) -> None:
        """Bind.

        Args:
            library: what is shown.
            host: the address to listen on.
            port: 0 takes a free one.

        Raises:
            UserError: if the address cannot be listened on.
        """
        self.library = library
        handler = partial(_Handler, library)
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(
                f"{host}:{port}: {why}; want --port with one that nobody uses (or none: a free one is taken), "
                "and --host with an address of this machine"
            ) from error
        self._server.host = host
        bound = self._server.server_address[1]
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> BrowseServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Wait until it ends, which only an interrupt makes it."""
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    host = _LOOPBACK

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the name service who we are
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has gone is no news; a mistake of ours is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"av-synth/{__version__}", ""
    timeout = _QUIET_S
    server: _Server

    def __init__(self, library: Library, *rest: object) -> None:
        self._library = library
        super().__init__(*rest)  # type: ignore[arg-type]

    def parse_request(self) -> bool:
        """Any method that is not GET or HEAD is answered here, before the base class looks for a door to it."""
        if not super().parse_request():
            return False
        if self.command not in ("GET", "HEAD"):
            self.close_connection = True  # its body was not read
            allow = {"Allow": "GET, HEAD"}
            self._send(_said(HTTPStatus.METHOD_NOT_ALLOWED, f"{self.command}: only GET and HEAD are answered", allow))
            return False
        return True

    def do_GET(self) -> None:
        """Answer."""
        self._send(self._answer())

    do_HEAD = do_GET  # noqa: N815  the base class's name; `_send` leaves the body out

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""

    def _answer(self) -> Answer:
        if not _is_host(self.headers.get_all("Host", []), self.server.host):
            return _said(HTTPStatus.FORBIDDEN, "Host: want the address of this server, or localhost")
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and self.headers.get("Sec-Fetch-Mode") != "navigate":
            return _said(HTTPStatus.FORBIDDEN, "asked for by another site")
        if len(self.path) > _MOST_PATH:
            return _said(HTTPStatus.REQUEST_URI_TOO_LONG, f"the address is longer than {_MOST_PATH}")
        try:
            asked = urlsplit(self.path)
            return self._find(asked.path, parse_qs(asked.query, max_num_fields=4))
        except ValueError as error:
            return _said(HTTPStatus.BAD_REQUEST, f"the address cannot be read: {error}")
        except AvSynthError as error:
            return _said(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    def _find(self, path: str, query: Mapping[str, list[str]]) -> Answer:
        if path == "/":
            return Answer(page_file("index.html"), "text/html; charset=utf-8")
        if path == "/api/scenes":
            (first,) = query.get("from", ["0"])
            return Answer(self._library.index(int(first)), "application/json")
        for pattern, door in _DOORS:
            match = pattern.fullmatch(path)
            if match is not None:
                return door(self._library, **{name: unquote(part) for name, part in match.groupdict().items()})
        return _said(HTTPStatus.NOT_FOUND, "there is no such address")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            "Content-Security-Policy": _OF_PAGE,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            **answer.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_error(self, code: int, *_: object) -> None:
        """What the base class finds wrong, as ours is told: plain, and without repeating what was sent."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = self.protocol_version  # of what could not be read, it has none or an old one
        self._send(_said(HTTPStatus(code), HTTPStatus(code).phrase))


def _is_host(named: list[str], bound: str) -> bool:
    """Whether a request calls us by an address, as localhost, or by the name that we were told to listen on."""
    if len(named) != 1:
        return False
    name = re.sub(r":\d{1,5}$", "", named[0].strip().lower())
    if name in ("localhost", bound.lower()):
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or not _is_loopback(bound)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _said(status: HTTPStatus, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(f"{words}\n".encode("utf-8", "replace"), "text/plain; charset=utf-8", status, headers or {})


def _none(what: str) -> Answer:
    return _said(HTTPStatus.NOT_FOUND, f"there is no such {what}")


def _page(_library: Library, name: str) -> Answer:
    return Answer(page_file(name), f"{PAGE_FILES[name]}; charset=utf-8") if name in PAGE_FILES else _none("file")


def _scene(library: Library, scene: str) -> Answer:
    return Answer(library.scene(scene), "application/json") if scene in library else _none("scene")


def _picture(library: Library, scene: str, frame: str, channel: str) -> Answer:
    path = library.picture(scene, int(frame), channel) if scene in library else None
    return _none("picture") if path is None else _image(read_bytes(path))


def _small(kind: str, library: Library, scene: str) -> Answer:
    make = library.thumbnail if kind == "thumbnail" else library.strip
    picture = make(scene) if scene in library else None
    return _none("picture") if picture is None else _image(picture)


def _image(data: bytes) -> Answer:
    return Answer(data, image_kind(data), headers={"Cache-Control": _KEEP})


def _points(library: Library, scene: str, frame: str) -> Answer:
    points = library.points(scene, int(frame)) if scene in library else None
    return _none("lidar turn") if points is None else Answer(points, "application/octet-stream")


def _viewer(library: Library, scene: str) -> Answer:
    path = library.viewer(scene) if scene in library else None
    if path is None:
        return _none("run")
    return Answer(path.read_bytes(), "text/html; charset=utf-8", headers={"Content-Security-Policy": _OF_VIEWER})


_ID, _FRAME = r"(?P<scene>[^/]{1,300})", r"(?P<frame>\d{1,6})"
_DOORS: tuple[tuple[re.Pattern[str], Callable[..., Answer]], ...] = (
    (re.compile(r"/page/(?P<name>[a-z]+\.[a-z]+)"), _page),
    (re.compile(rf"/api/scene/{_ID}"), _scene),
    (re.compile(rf"/thumbnail/{_ID}"), partial(_small, "thumbnail")),
    (re.compile(rf"/strip/{_ID}"), partial(_small, "strip")),
    (re.compile(rf"/picture/{_ID}/{_FRAME}/(?P<channel>[^/]{{1,100}})"), _picture),
    (re.compile(rf"/points/{_ID}/{_FRAME}"), _points),
    (re.compile(rf"/viewer/{_ID}"), _viewer),
)
