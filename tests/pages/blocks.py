"""README and docs/ as the tests see them: fenced blocks, what stands before each, and commands in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"sh", "yaml", "python", "toml", "text"}
_FENCE = re.compile(r"((?:<!-- (?:not run|file): [^\n]*-->\n+)*)^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (not run|file): (.*?) *-->")
_PROGRAM = re.compile(r"(?:\w+=\S+ )*(?:\.venv/bin/)?av-synth(?: |$)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: name of the page, from the repository's root.
        line: of its first line in the page.
        language: what stands behind the fence.
        not_run: why its commands cannot be run by a test, if they cannot.
        file: the name of the file that the page asks one to put it in, if it does.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line of a shell block, without its comment.

    Attributes:
        words: as a shell takes it apart; `av-synth` first, where it is that program, whatever path it is given by.
    """

    where: str
    text: str
    words: tuple[str, ...]
    not_run: str = ""

    @property
    def page(self) -> str:
        return self.where.partition(":")[0]

    @property
    def is_ours(self) -> bool:
        return self.words[0] == "av-synth"


def blocks() -> Iterator[Block]:
    """Every fenced block of every page, in order."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for found in _FENCE.finditer(text):
            marks = dict(_MARK.findall(found[1]))
            line = text[: found.start(3)].count("\n") + 1
            name = path.relative_to(ROOT).as_posix()
            yield Block(name, line, found[2], found[3], marks.get("not run", ""), marks.get("file", ""))


def commands() -> Iterator[Command]:
    """Every line of every shell block."""
    for block in blocks():
        if block.language == "sh":
            for number, line in enumerate(block.text.splitlines()):
                words = shlex.split(line, comments=True)
                if words:
                    own = _PROGRAM.match(line)
                    if own:
                        words = ["av-synth", *shlex.split(line[own.end() :], comments=True)]
                    where = f"{block.page}:{block.line + number}"
                    yield Command(where, shlex.join(words), tuple(words), block.not_run)


def spoken() -> Iterator[tuple[str, str]]:
    """Every `av-synth ...` in the running text of every page, with the page's name."""
    for path in PAGES:
        text = _FENCE.sub("", path.read_text(encoding="utf-8"))
        for found in re.findall(r"`(av-synth\s[^`]+)`", text):
            yield path.relative_to(ROOT).as_posix(), " ".join(found.split())
