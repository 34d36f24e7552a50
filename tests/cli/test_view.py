"""`av-synth view` as one tries it: an address that works until Ctrl-C, files, and what is nothing to look at."""

from __future__ import annotations

import os
import re
import signal
import threading
import urllib.request
import webbrowser
from pathlib import Path

import pytest

from av_synth.cli.app import status
from tests.export.synthetic_run import TINY, build_run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("view")
    build_run(root, 0, sensors=TINY)
    return root


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What is said when this cannot be."""
    assert status(["view", *map(str, arguments)]) == 2
    spoken = capsys.readouterr()
    assert "page: " not in spoken.out
    assert "Traceback" not in spoken.err
    return spoken.err


def test_it_says_where_the_page_is_serves_it_and_ends_well_with_ctrl_c(store, capsys, monkeypatch):
    seen = []

    def read(address: str) -> None:
        with urllib.request.urlopen(address) as answer:
            seen.append((address, answer.read()[:15]))
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(webbrowser, "open", lambda address: threading.Thread(target=read, args=(address,)).start())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background have none
    try:
        assert status(["view", str(store), "--open"]) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    first, last = capsys.readouterr().out.splitlines()

    found = re.fullmatch(r"1 scene at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)", first)
    assert found, first
    assert last == "ended"
    assert seen == [(found[1], b"<!doctype html>")]


def test_files_are_written_once_a_folder_of_a_store_or_one_file_of_a_run(store, capsys, tmp_path):
    (run,) = (store / "runs").iterdir()
    for path, out, page in (
        (store, tmp_path / "folder", tmp_path / "folder" / "index.html"),
        (run, tmp_path / "run.html", tmp_path / "run.html"),
    ):
        assert status(["view", str(path), "--html", str(out)]) == 0
        assert capsys.readouterr().out.endswith(f"page: {page}\n")
        assert page.read_text().startswith("<!doctype html>")
        assert "is there already; want the name of a new" in refused(capsys, path, "--html", out)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "run.html"}
    assert "only a run can be one file, and this is a store" in refused(capsys, store, "--html", tmp_path / "all.html")
    assert "writes files; want it without --port" in refused(capsys, store, "--html", tmp_path / "x", "--port", 1)


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda path: None, "there is no such folder; want a folder with runs/ in it"),
        (lambda path: path.write_text("x"), "is no folder; want"),
        (lambda path: path.mkdir(), "is empty; want"),
        (lambda path: (path / "pictures").mkdir(parents=True), "is something else; want"),
        (lambda path: (path / "runs").mkdir(parents=True), "has no committed run; want"),
        (lambda path: (path / "tables").mkdir(parents=True), "looks like a run that has lost its manifest.json; want"),
        (lambda path: torn(path, "manifest.json"), "manifest.json: is not JSON"),
        (lambda path: torn(path, "v1.0-mini/sample.json"), "the tables are not sound"),
        (lambda path: torn(path, "sample.json"), "holds the tables of a dataset, whose root is"),
    ],
)
def test_what_is_nothing_to_look_at_is_refused_in_words(make, wanted, capsys, tmp_path):
    path = tmp_path / "it"
    make(path)
    said = refused(capsys, path)

    assert wanted in said
    assert str(path) in said


def torn(folder: Path, name: str) -> None:
    """A file whose end is missing."""
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text('[{"token": "a')


def test_the_runs_of_a_store_alone_lead_to_the_store(store, capsys):
    assert f"holds the runs of a store, which is {store}" in refused(capsys, store / "runs")


def test_a_folder_whose_place_cannot_be_written_is_told(store, capsys, tmp_path):
    (tmp_path / "file").touch()
    assert "file is a file; want a place in a folder" in refused(capsys, store, "--html", tmp_path / "file" / "out")
    assert os.listdir(tmp_path) == ["file"]
