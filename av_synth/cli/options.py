"""Options that several verbs have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from av_synth import documents
from av_synth import scenario as scenarios
from av_synth.errors import CastError, DocumentError, Problem, UserError


def refuse_unfilled(arguments: Sequence[str]) -> None:
    """Refuse what a shell should have filled in: an empty text, which as a path is the folder one is in, and ~.

    Raises:
        DocumentError: naming each option, or place, that is given one.
    """
    problems = []
    for index, argument in enumerate(arguments, 1):
        option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "=", argument)
        if not equals or (value.strip() and not value.startswith("~/")):
            continue
        before = arguments[index - 2] if index > 1 and arguments[index - 2].startswith("-") else f"argument {index}"
        want = (
            "the path in full, because the shell left the ~" if value.strip() else "a text (is a shell variable empty?)"
        )
        problems.append(Problem("", option or before, f"got {value!r}; want {want}"))
    if problems:
        raise DocumentError(problems)


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping.

    Raises:
        DocumentError: naming each that is not one, or that comes twice.
    """
    found: dict[str, str] = {}
    problems = []
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            problems.append(Problem("", option, f"got {pair!r}; want NAME=VALUE"))
        elif name in found:
            problems.append(Problem("", option, f"{name} is given twice"))
        found[name] = value
    if problems:
        raise DocumentError(problems)
    return found


def refuse_lost(outputs: Mapping[str, Path | None], read: Sequence[Path]) -> None:
    """Refuse files to write that would take the place of what is read, or of each other.

    Args:
        outputs: by option; None for what nobody wants.
        read: datasets and files.

    Raises:
        UserError: naming the option and what is there.
    """
    taken: dict[Path, str] = {}
    for option, file in outputs.items():
        if file is None:
            continue
        place = file.resolve()
        for each in read:
            if place == each.resolve() and each.is_file():
                raise UserError(f"{option}: {file} is what is read, which is not changed; want it somewhere else")
            if place.is_relative_to(each.resolve()) and not each.is_file():
                raise UserError(f"{option}: {file} is in the dataset, which is not changed; want it somewhere else")
        if place in taken:
            raise UserError(f"{option}: {file} is that of {taken[place]} too; want a file for each")
        taken[place] = option


def is_json_with(file: Path, *keys: str) -> bool:
    """Whether a file holds a JSON object with these keys."""
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(key in found for key in keys)


@contextmanager
def cast_errors_with_line(name_or_path: str, town: str | None, rig: str | None = None) -> Iterator[None]:
    """Tell what a simulator cannot play with the line of the scenario, or of the rig, that asks for it, or `--town`.

    Raises:
        DocumentError: in place of a CastError: only a simulator knows its towns and bodies.
    """
    try:
        yield
    except CastError as error:
        if town is not None and error.at == ("road", "town"):
            raise DocumentError([Problem("", "--town", str(error))]) from error
        if error.of_rig and rig is not None:
            found = documents.read(documents.find("sensors", rig))
            raise DocumentError([found.problem(error.at, str(error))]) from error
        document = scenarios.load(name_or_path).document
        elsewhere = "; --town plays it in another" if error.at == ("road", "town") else ""
        quoted = map(document.place_of, re.findall("'([^']+)'", str(error)))
        path = error.at or next(filter(None, quoted), ("road",))
        raise DocumentError([document.problem(path, f"{error}{elsewhere}")]) from error
