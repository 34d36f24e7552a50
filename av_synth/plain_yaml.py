"""The part of YAML that has one meaning, as plain values with the line of every key.

No tags, no aliases, no duplicate keys; of the plain scalars only null, true, false and decimal numbers are more than
text, so that `no`, `010` and `12:30` stay what was typed. Values are built from parser events without recursion, so
hostile nesting costs a message and not a stack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

import yaml

_MAX_DEPTH = 40
_MAX_NODES = 20_000

Key = str | int
KeyPath = tuple[Key, ...]
Mistake = tuple[int, str]  # 1-based line (0: the file as a whole), and what is wrong

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_plain(text: str) -> tuple[object, dict[KeyPath, int], list[Mistake]]:
    """Read one YAML document.

    Returns:
        Its value (dict, list, str, int, float, bool, None), the 1-based line of each key and list item by key path,
        and every mistake that was found; a syntax error ends the search.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = text.splitlines()
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        indented = "\t" in line[: len(line) - len(line.lstrip())]
        why = "a line begins with a tab; want spaces" if indented else error.problem or error.context
        builder.mistakes.append((mark.line + 1 if mark else 0, f"is not YAML: {why}"))
    except yaml.YAMLError as error:  # the reader's: characters that YAML does not allow
        builder.mistakes.append((0, f"is not YAML: {str(error).splitlines()[0]}"))
    except _TooMuchError:
        pass  # noted as a mistake; reading on would only cost
    if not builder.mistakes and not builder.documents:
        builder.mistakes.append((0, "is empty"))
    return builder.root, builder.lines, builder.mistakes


def dotted(path: Iterable[Key]) -> str:
    """A key path as people write it: actors.van.at, parked[1].side; keys with control characters are quoted."""
    words = (key if isinstance(key, int) or key.isprintable() else repr(key) for key in path)
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in words)
    return text.removeprefix(".")


class _TooMuchError(Exception):
    """There is no point in reading on."""


class _Builder:
    """Turns YAML events into plain values without recursion, noting lines and mistakes."""

    def __init__(self) -> None:
        self.root: object = None
        self.documents = 0
        self.lines: dict[KeyPath, int] = {(): 1}
        self.mistakes: list[Mistake] = []
        self._nodes = 0
        # open collections: (value, path, key that waits for its value or None)
        self._stack: list[tuple[dict[str, object] | list[object], KeyPath, str | None]] = []

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._stop(line, "begins a second document; want one document a file")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)

    def _node(self, event: yaml.NodeEvent, line: int) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES or len(self._stack) >= _MAX_DEPTH:
            self._stop(line, f"is too large; want at most {_MAX_NODES} values, nested at most {_MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            self._problem(line, f"got the alias *{event.anchor}; want the value written out")
        elif (tag := getattr(event, "tag", None)) not in (None, "!"):
            self._problem(line, f"got the tag {tag}; want a plain value")
        value: object = None
        if isinstance(event, yaml.ScalarEvent):
            value = plain(event.value) if event.implicit[0] and not event.style else event.value
        elif isinstance(event, yaml.MappingStartEvent):
            value = {}
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
        if self._stack and isinstance(self._stack[-1][0], dict) and self._stack[-1][2] is None:
            self._key(event, line)
            if not isinstance(value, dict | list):
                return
            path = self._path()
        else:
            path = self._attach(value, line)
        if isinstance(value, dict | list):
            self._stack.append((value, path, None))

    def _key(self, event: yaml.NodeEvent, line: int) -> None:
        target, path, _ = self._stack[-1]
        key = event.value if isinstance(event, yaml.ScalarEvent) else ""
        if not key:
            self._problem(line, "has a key that is not text")
            key = f"(line {line})"
        elif key in target:
            first = self.lines.get((*path, key), 0)
            self._problem(line, f"{dotted((*path, key))}: is there twice, first on line {first}; want it once")
        else:
            here = (*path, key)
            self.lines[here] = line
        self._stack[-1] = (target, path, key)

    def _attach(self, value: object, line: int) -> KeyPath:
        if not self._stack:
            self.root = value
            return ()
        target, path, key = self._stack[-1]
        if isinstance(target, list):
            target.append(value)
            child: KeyPath = (*path, len(target) - 1)
            self.lines[child] = line
            return child
        name = key or ""
        target[name] = value
        self._stack[-1] = (target, path, None)
        return (*path, name)

    def _path(self) -> KeyPath:
        return self._stack[-1][1]

    def _problem(self, line: int, message: str) -> None:
        self.mistakes.append((line, message))

    def _stop(self, line: int, message: str) -> None:
        self._problem(line, message)
        raise _TooMuchError


def plain(text: str) -> object:
    """What a plain scalar means: null, true, false, a decimal number, or the text that it is."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
