"""The browser of the tests sees what a page does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import BrowserError, Chromium, find_chromium

PAGE = """<!doctype html><meta charset="utf-8"><button onclick="document.title = 'clicked'">click</button><input>"""


def write(folder: Path, script: str = "") -> str:
    path = folder / "page.html"
    path.write_text(f"{PAGE}<script>{script}</script>")
    return path.as_uri()


def test_a_page_is_clicked_typed_into_and_asked(chromium: Chromium, tmp_path: Path) -> None:
    with chromium.page(write(tmp_path, "window.sum = 2 + 3")) as page:
        page.click("button")
        page.type("input", "hello")
        assert page.wait_for("document.title") == "clicked"
        assert page.evaluate("[sum, document.querySelector('input').value]") == [5, "hello"]
        assert page.requests == [(tmp_path / "page.html").as_uri()]


def test_a_request_to_another_machine_is_seen(chromium: Chromium, tmp_path: Path) -> None:
    url = write(tmp_path)
    with (
        pytest.raises(BrowserError, match=r"leave the machine.*elsewhere\.invalid"),
        chromium.page(url) as page,
    ):
        page.evaluate("fetch('https://elsewhere.invalid/x').catch(() => 0)")


@pytest.mark.parametrize("script", ["console.error('oh no')", "setTimeout(() => { throw new Error('oh no'); }, 0)"])
def test_an_error_of_the_page_is_seen(chromium: Chromium, tmp_path: Path, script: str) -> None:
    with (
        pytest.raises(BrowserError, match="oh no"),
        chromium.page(write(tmp_path, script)) as page,
    ):
        page.evaluate("new Promise((done) => setTimeout(done, 0))")


def test_where_there_is_no_browser_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AV_SYNTH_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(BrowserError, match="apt-get install chromium"):
        find_chromium()
