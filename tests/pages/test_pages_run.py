"""What pages show is done: commands that need no simulator, on runs made without one, and every piece of Python."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from av_synth.cli.app import status
from av_synth.query import read
from tests.export.synthetic_run import build_run
from tests.pages.blocks import Command, blocks, commands

WITHOUT_SIMULATOR = {
    *("audit", "card", "export", "formats", "grade", "merge", "mix", "openscenario", "query", "recorder", "rigs"),
    *("scenarios", "split", "verify", "view"),
}
FOR_ANOTHER_STORE = {
    "av-synth split out/both --ratio train=0.8,val=0.2 --by scenario",  # it wants two scenarios
    "av-synth mix real=/data/nuscenes synthetic=out/first/nuscenes --ratio real=0.7,synthetic=0.3 --out out/mix",
}
WRITES = {"--out", "--dataset", "--html", "--report", "--file", "--campaign", "--json"}


def is_quick(command: Command) -> bool:
    """Whether no simulator is asked for, and the command ends by itself."""
    words = command.words
    if not command.is_ours or command.not_run or words[1] not in WITHOUT_SIMULATOR or command.text in FOR_ANOTHER_STORE:
        return False
    if words[1] == "view":  # a page of one run asks for its draw, which runs made without a simulator have not
        return "--html" in words and not words[-1].endswith(".html")
    return words[1:3] != ("scenarios", "show")


QUICK = [command for command in commands() if is_quick(command)]
RUN_PAGES = sorted({command.page for command in QUICK})


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stores with runs that were made without a simulator: `one` has a dataset; runs of `two` and `other` differ."""
    root = tmp_path_factory.mktemp("stores")
    for name, seeds in (("one", [0]), ("two", [0, 1]), ("other", [2])):
        for seed in seeds:
            build_run(root / name, seed)
    assert status(["export", str(root / "one")]) == 0
    return {path.name: path for path in root.iterdir()}


def provided(folder: Path, words: tuple[str, ...], stores: dict[str, Path]) -> list[str]:
    """The words, with a run's true name, after what they read has been put into the folder."""
    found = []
    for before, word in zip(("", *words), words, strict=False):
        place = re.match(r"out/\w+", word)
        if place and before not in WRITES and not (folder / place[0]).exists():
            kind = {"out/monday": "two", "out/tuesday": "other"}.get(place[0], "one")
            shutil.copytree(stores[kind], folder / place[0], copy_function=os.link)
        if place and (run := re.search(r"(?<=/runs/)\w+", word)):
            word = word.replace(run[0], next((folder / place[0] / "runs").iterdir()).name)
        if before in ("info", "--like"):
            assert status(["recorder", "write", str(stores["one"]), str(folder / word), "--force"]) == 0
        if before == "import":
            assert status(["openscenario", "export", "cut_in_wet", "--out", str(folder / word), "--force"]) == 0
        if words[1] == "grade" and before.startswith("out/"):
            (folder / word).write_text(
                nothing_detected(folder / before, "images" if "--images" in words else "results")
            )
        if words[1:3] == ("recorder", "write") and word.endswith(".log") and before != "--like":
            (folder / word).unlink(missing_ok=True)
        if word.startswith("scenarios/"):
            (folder / "scenarios").mkdir(exist_ok=True)
        found.append(word)
    return found


def nothing_detected(dataset: Path, kind: str) -> str:
    """A file of detections, as a detector that sees nothing would write it."""
    samples = list(read(dataset))
    return json.dumps({kind: {each.file if kind == "images" else each.sample_token: [] for each in samples}})


@pytest.mark.parametrize("page", RUN_PAGES)
def test_commands_of_a_page_that_need_no_simulator_do_what_they_say(page, stores, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks():
        if block.page == page and block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    asked = {each.text: each for each in reversed(QUICK) if each.page == page}  # each once, where it comes first
    for command in reversed(asked.values()):
        words = provided(tmp_path, command.words, stores)
        into = words.index(">") if ">" in words else len(words)
        code = status(words[1:into])
        spoken = capsys.readouterr()
        assert (command.where, code) == (command.where, 0), spoken.err
        for file in words[into + 1 :]:
            (tmp_path / file).write_text(spoken.out, encoding="utf-8")
        for option, value in pairwise(words):
            assert option not in WRITES or "::" in value or (tmp_path / value).exists(), (command.where, value)


def test_most_commands_of_the_pages_are_run_by_one_test_or_another():
    ours = [command for command in commands() if command.is_ours]
    never = [command for command in ours if command.not_run]

    assert len(QUICK) > len(ours) / 4
    assert len(never) < len(ours) / 6


@pytest.mark.parametrize(
    "block",
    [each for each in blocks() if each.language == "python" and not each.not_run and "make_run(" not in each.text],
    ids=lambda each: each.where,
)
@pytest.mark.filterwarnings("ignore")  # of the devkit, which is nobody's here
def test_the_python_of_a_page_does_what_it_says(block, stores, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in sorted(set(re.findall(r"out/\w+", block.text))):
        shutil.copytree(stores["one"], tmp_path / place, copy_function=os.link)

    exec(compile(block.text, block.where, "exec"), {"__name__": "page"})


def test_words_of_a_command_are_those_that_a_shell_takes_it_apart_into():
    found = next(command for command in commands() if "attach=" in command.text)

    assert shlex.split(found.text) == list(found.words)
