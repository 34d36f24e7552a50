"""The server of the page to browse, spoken to as anybody may: it reads only, and nothing but what it is of."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from av_synth.errors import UserError
from av_synth.report.browse import BrowseServer, Library, open_source
from tests.export.synthetic_run import TINY, build_run

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    root = tmp_path_factory.mktemp("served")
    build_run(root, 0, sensors=TINY)
    return Library(open_source(root))


@pytest.fixture(scope="module")
def server(library: Library) -> Iterator[BrowseServer]:
    with BrowseServer(library) as server:
        yield server


def port_of(server: BrowseServer) -> int:
    return urlsplit(server.address).port or 0


def say(server: BrowseServer, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send these very bytes, and read until the server closes: status, headers, body."""
    with socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE_S) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


def get(server: BrowseServer, path: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {path} HTTP/1.1", *(headers or ("Host: localhost",)), "Connection: close", "", ""]
    return say(server, "\r\n".join(lines).encode("latin-1"))


def test_what_the_library_has_is_served_and_every_answer_says_what_a_page_may_do(server, library):
    (run,) = library.ids()
    for path, kind, start in (
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/page/core.js", "text/javascript; charset=utf-8", b'"use strict";'),
        ("/api/scenes?from=0", "application/json", b'{"title":'),
        (f"/api/scene/{run}", "application/json", b'{"card":'),
        (f"/picture/{run}/3/CAM_FRONT", "image/jpeg", b"\xff\xd8\xff"),
        (f"/thumbnail/{run}", "image/jpeg", b"\xff\xd8\xff"),
        (f"/strip/{run}", "image/jpeg", b"\xff\xd8\xff"),
        (f"/points/{run}/0", "application/octet-stream", b""),
    ):
        status, headers, body = get(server, path)
        assert (status, headers["Content-Type"], int(headers["Content-Length"])) == (200, kind, len(body))
        assert body.startswith(start)
        assert "default-src 'none'; script-src 'self';" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        bare = get(server, path, method="HEAD")
        assert (bare[0], bare[1]["Content-Length"], bare[2]) == (200, headers["Content-Length"], b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page/server.py",
        "/page/index.html%00",
        "/api/scene/..",
        "/api/scene/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/picture/{run}/0/..%2f..%2fmanifest.json",
        "/picture/{run}/0/..",
        "/picture/{run}/0/LIDAR_TOP",
        "/picture/{run}/4/CAM_FRONT",
        "/picture/{run}/-1/CAM_FRONT",
        "/picture/../0/CAM_FRONT",
        "/points/{run}/999999",
        "/thumbnail/{run}x",
        "/viewer/nobody",
        "/favicon.ico",
        "http://evil.example/",
        "*",
    ],
)
def test_there_is_nothing_else(server, library, path):
    status, _, body = get(server, path.format(run=library.ids()[0]))

    assert status in (400, 404) or path == "http://evil.example/"
    assert b"root:" not in body
    assert b"import" not in body


def test_a_picture_that_is_missing_is_told(one_scene: Path, tmp_path: Path) -> None:
    from synthetic_copies import link_tree

    dataset = link_tree(one_scene, tmp_path / "copy")
    (dataset / "v1.0-trainval/av_synth.json").unlink()
    for path in (dataset / "samples/CAM_FRONT").iterdir():
        path.unlink()
    library = Library(open_source(dataset))

    with BrowseServer(library) as server:
        status, _, body = get(server, f"/picture/{library.ids()[0]}/0/CAM_FRONT")

    assert status == 422
    assert b"cannot be read: No such file or directory" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "BREW"])
def test_a_method_that_is_not_get_or_head_is_refused(server, method):
    status, headers, body = get(server, "/", "Host: localhost", "Content-Length: 3", method=method)

    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert b"<" not in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Host: localhost:9"], 200),
        (["Host: 127.0.0.1"], 200),
        (["Host: [::1]:80"], 200),
        (["Host: evil.example"], 403),
        (["Host: evil.example:80"], 403),
        (["Host: localhost.evil.example"], 403),
        (["Host: 192.168.1.7"], 403),
        (["Host: "], 403),
        (["Accept: */*"], 403),
        (["Host: localhost", "Host: evil.example"], 403),
        (["Host: localhost", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        (["Host: localhost", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"], 200),
        (["Host: localhost", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
    ],
)
def test_only_who_calls_it_by_its_address_is_answered(server, headers, status):
    assert get(server, "/api/scenes", *headers)[0] == status


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 414),
        (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET /api/scenes?from=x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET /api/scenes?from=0&from=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET //[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_is_no_sound_request_is_refused_and_the_server_goes_on(server, request_, status):
    got, headers, body = say(server, request_)

    assert got == status
    assert headers["Content-Type"].startswith("text/plain")
    assert b"<" not in body
    assert get(server, "/")[0] == 200


def test_a_picture_that_is_not_what_was_committed_is_refused_in_words(tmp_path):
    run = build_run(tmp_path, 0, sensors=TINY)
    path = run / "blobs" / "CAM_FRONT" / "000010.jpg"
    secret = path.read_bytes()[:-7] + b"secrets"
    path.chmod(0o644)
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(secret)
    path.symlink_to(tmp_path / "elsewhere")
    with BrowseServer(Library(open_source(tmp_path))) as server:
        status, _, body = get(server, f"/picture/{run.name}/1/CAM_FRONT")

    assert status == 422
    assert b"'blobs/CAM_FRONT/000010.jpg' is not what was committed" in body
    assert b"secrets" not in body


def test_it_listens_to_this_machine_alone_and_a_port_that_is_taken_is_an_error(server, library):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", server.address)
    with pytest.raises(UserError, match=rf"^127\.0\.0\.1:{port_of(server)}: Address already in use; want --port"):
        BrowseServer(library, port=port_of(server))
    with pytest.raises(UserError, match=r"^192\.0\.2\.1:0: .*want --port .* and --host with an address"):
        BrowseServer(library, host="192.0.2.1")


def test_the_3d_viewer_of_a_run_is_made_once_and_may_reach_nobody(server, library):
    (run,) = library.ids()
    status, headers, body = get(server, f"/viewer/{run}")
    made = library.viewer(run)

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "connect-src" not in headers["Content-Security-Policy"]
    assert body.startswith(b"<!doctype html>")
    assert made is not None
    assert made.read_bytes() == body
    library.close()
    assert not Path(made).exists()


def test_a_list_of_many_comes_in_parts(server):
    index = json.loads(get(server, "/api/scenes?from=0")[2])

    assert (len(index["scenes"]), index["total"]) == (1, 1)
    assert json.loads(get(server, "/api/scenes?from=1")[2])["scenes"] == []
