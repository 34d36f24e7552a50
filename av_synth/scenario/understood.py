"""A scenario's document as it is meant: slips that leave little doubt are told, and hide nothing.

An unknown key is taken for the one it is most like, or left out; a word that is none of the choices for the one most
like it; a number out of its bounds for the nearest within. Nothing is ever played of a document with a slip in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from av_synth.documents import Document, Strict, problems
from av_synth.errors import Problem
from av_synth.messages import MAX_HINTS
from av_synth.plain_yaml import Key, KeyPath, dotted
from av_synth.scenario.expressions import references
from av_synth.scenario.reading import SECTIONS
from av_synth.scenario.words import WANT_NAME

_ROUNDS = 4  # below a key that is taken for another there may be more of them
_MEANT = re.compile(r"did you mean '(\w+)'")
_DEFINITION = re.compile(r"actors\.[^.\[]+|events\[\d+\]\.name")
_BOUNDS = {"greater_than_equal": "ge", "less_than_equal": "le"}  # pydantic's types of errors, and what tells the bound
_TYPES = {"extra_forbidden", "literal_error", *_BOUNDS}


@dataclass(frozen=True)
class _Slip:
    """One of them: `key` in place of the last of `path`, None for nothing; and `value` there unless `key` differs."""

    path: KeyPath
    told: Problem
    key: Key | None
    value: object = None


@dataclass(frozen=True)
class Understood:
    """What was made of a document.

    Attributes:
        document: as it is meant, with the lines of what was written.
        told: the slips.
        used: names of parameters that are used in what was written, left out or not.
        beside: key paths of mappings in which a number was put within its bounds: rules on them would tell of it.
        emptied: and of those of which an unknown key was left out.
    """

    document: Document
    told: tuple[Problem, ...]
    used: frozenset[str]
    beside: frozenset[str]
    emptied: frozenset[str]

    def independent(self, found: Iterable[Problem]) -> list[Problem]:
        """Those of the other mistakes that do not follow from a slip, or from one told where it was made."""
        found = list(found)
        told = {problem.path for problem in self.told}
        misnamed = {
            each.message for each in found if _DEFINITION.fullmatch(each.path) and each.message.endswith(WANT_NAME)
        }
        return [
            each
            for each in found
            if each.path not in told | self.beside
            and not (each.path in self.emptied and each.message.startswith("got none"))
            and (each.message not in misnamed or _DEFINITION.fullmatch(each.path))
        ]


def understood(document: Document, kind: type[Strict]) -> Understood:
    """A document without slips, and what they were.

    Args:
        document: as it was read.
        kind: the model of the whole document.
    """
    used = frozenset(
        name for key, value in document.keys.items() if key != "parameters" for _, name in references(value)
    )
    told: list[Problem] = []
    beside: set[str] = set()
    emptied: set[str] = set()
    for _ in range(_ROUNDS):
        slips = _slips(document, kind)
        if not slips:
            break
        told += [slip.told for slip in slips]
        emptied |= {dotted(slip.path[:-1]) for slip in slips if slip.key is None}
        beside |= {dotted(slip.path[:-1]) for slip in slips if isinstance(slip.value, int | float)}
        document = _mended(document, {slip.path: slip for slip in slips})
    return Understood(document, tuple(told), used, frozenset(beside), frozenset(emptied))


def _slips(document: Document, kind: type[Strict]) -> list[_Slip]:
    """The slips that can be seen; none where there are so many that nobody would read what comes of them."""
    try:
        kind.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        # what a short form stands for is at no place in the document
        wrong = [
            item
            for item in error.errors(include_url=False)
            if item["type"] in _TYPES and tuple(item["loc"]) in document.lines
        ]
        if 0 < len(wrong) <= MAX_HINTS:
            told = {problem.path: problem for problem in problems(document, kind, error)}
            at = [(item, told.get(dotted(item["loc"]))) for item in wrong]
            return [slip for item, problem in at if problem and (slip := _slip(item, problem))]
    return []


def _slip(item: ErrorDetails, told: Problem) -> _Slip | None:
    path: KeyPath = item["loc"]
    like = _MEANT.search(told.message)
    if item["type"] == "extra_forbidden":
        return _Slip(path, told, like[1] if like else None)
    if len(path) == 1 or path[0] in SECTIONS:  # much else hangs on their values
        return None
    if item["type"] == "literal_error":
        return _Slip(path, told, path[-1], like[1]) if like else None
    number = isinstance(item["input"], int | float)
    return _Slip(path, told, path[-1], item["ctx"][_BOUNDS[item["type"]]]) if number else None


def _mended(document: Document, slips: Mapping[KeyPath, _Slip]) -> Document:
    lines: dict[KeyPath, int] = {}

    def walk(node: object, path: KeyPath, to: KeyPath) -> object:
        if path in document.lines:
            lines[to] = document.lines[path]
        slip = slips.get(path)
        if slip is not None and slip.key == path[-1]:
            return slip.value
        if isinstance(node, list):
            return [walk(value, (*path, index), (*to, index)) for index, value in enumerate(node)]
        if not isinstance(node, dict):
            return node
        mended: dict[object, object] = {}
        for key, value in node.items():
            here = (*path, key)
            new = slips[here].key if here in slips else key
            if new is not None and (new == key or new not in node) and new not in mended:
                mended[new] = walk(value, here, (*to, new))
        return mended

    return Document(document.where, walk(document.data, (), ()), lines)
