"""One name for one thing: the words that the glossary lists as not used are nowhere, whatever they are part of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = "docs/explanation/glossary.md"
FOLDERS = ("av_synth", "tests", "tools", "docs", "scenarios", "sensors", "configs", "examples")
KINDS = (".py", ".md", ".yaml", ".yml", ".toml", ".json", ".js", ".html", ".css", ".sh", ".glsl", ".vert", ".frag")
PASS = {
    "maneuver": {"^(av_synth|tests)/scenario/": "elements of OpenSCENARIO are spelt so"},
    "node": {
        r"platform\.node\(\)": "Python's call",
        "node exporter": "the name of a program of Prometheus",
        r'\.nodes\(\)|add_node|remove_node|head_node|"nodes"|node_types|current node|NodeInfo': "calls of Ray",
        r"^tests/farm/nemesis\.py:": "nodes of Python's syntax",
    },
    "directory": {
        "TemporaryDirectory": "Python's call",
        "No such file or directory|Not a directory": "what the operating system says",
        r"textfile\.directory": "an option of Prometheus'",
        "atomic rename of directories": "what a file system calls it",
    },
    "backend": {'build-backend|"backend": "egl"': "options of packaging and of moderngl"},
    "BEV": {"BEVFormer": "the name of a model"},
    "sensor suite": {"^av_synth/simulator/": "all sensors of all clients of a simulator are no rig"},
    "computer": {"Computer-Aided Design": "the name of a journal"},
}
"""Where a word may stand: a shape of `path:line: text`, and whose word it is there."""


@cache
def texts() -> dict[str, str]:
    """What people and programs read, by path; of the glossary all but its last column."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    paths += [ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile", "pyproject.toml")]
    found = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}
    found[PAGE] = "\n".join(line.rpartition("| ")[0] for line in found[PAGE].splitlines())
    del found["tests/test_words.py"]  # it has to name them
    return found


@cache
def lowered() -> dict[str, str]:
    return {path: text.lower() for path, text in texts().items()}


def unused() -> dict[str, tuple[str, ...]]:
    """The words of the glossary's last column, each with the folders that it is looked for in; none: everywhere."""
    rows = [line.strip().split("|")[1:-1] for line in (ROOT / PAGE).read_text().splitlines() if line.startswith("|")]
    return {
        word: tuple(folders.split(", ")) if folders else ()
        for row in rows
        for word, folders in re.findall(r"`([^`]+)`(?: \(([\w, -]+)\))?", row[3])
    }


def pattern(word: str) -> re.Pattern[str]:
    """A word, or more: in prose, with hyphens, in snake_case and in CamelCase, and its plural."""
    parts = [re.escape(part) for part in re.split("[ -]", word)]
    stem, end = ("[ _-]?".join(parts), "(?:s|es)?") if word[-1] != "y" else ("[ _-]?".join(parts)[:-1], "(?:y|ies)")
    camel = "".join(part[0].upper() + part[1:] for part in parts)[: -1 if word[-1] == "y" else None]
    return re.compile(
        f"(?<![A-Za-z])(?i:{stem}{end})(?![A-Za-z])|(?<=[a-z]){camel}{end}(?![a-z])|(?<![A-Za-z]){camel}{end}(?=[A-Z])"
    )


def places(word: str, folders: tuple[str, ...], of: Mapping[str, str], low: Mapping[str, str]) -> Iterator[str]:
    """Where a word stands, as `path:line: text`; `low` is `of` in small letters."""
    wanted, parts = pattern(word), [part.lower().rstrip("y") for part in re.split("[ -]", word)]
    for path, text in of.items():
        if all(part in low[path] for part in parts) and (
            not folders or any(folder in path.split("/") for folder in folders)
        ):
            lines = text.splitlines()
            for number in sorted({text.count("\n", 0, hit.start()) for hit in wanted.finditer(text)}):
                yield f"{path}:{number + 1}: {lines[number].strip()}"


def written(path: str, text: str, word: str, *folders: str) -> list[str]:
    return list(places(word, folders, {path: text}, {path: text.lower()}))


def test_no_thing_has_a_second_name():
    words = unused()
    passed = defaultdict(set)
    found = []
    for word, folders in words.items():
        for place in places(word, folders, texts(), lowered()):
            allowed = {shape for shape in PASS.get(word, {}) if re.search(shape, place)}
            passed[word] |= allowed
            if not allowed:
                found.append(f"{word}: {place}")

    assert len(words) > 30
    assert found == []
    assert passed == {word: set(shapes) for word, shapes in PASS.items()}, "an exception that nothing needs any more"


@pytest.mark.parametrize(
    "text",
    [
        "a time step of 50 ms",
        "TIME_STEP_S = 1",
        "def time_steps():",
        "class TimeStep:",
        "aTimeStepOf = 1",
        "x-timestep",
    ],
)
def test_a_second_name_is_found_however_it_is_written(text):
    assert written("a.py", f"\n{text}\n", "time step") == [f"a.py:2: {text}"]


@pytest.mark.parametrize("text", ["one step at a time; step on", "sometime stepping", "timestamp"])
def test_other_words_are_let_pass(text):
    assert written("a.py", text, "time step") == []


def test_a_word_with_a_folder_is_looked_for_there_only():
    assert written("av_synth/farm/a.py", "directories", "directory", "farm") != []
    assert written("av_synth/export/a.py", "directories", "directory", "farm") == []
