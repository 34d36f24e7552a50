"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Sequence

from av_synth.errors import DocumentError, Problem


def refuse_empty(arguments: Sequence[str]) -> None:
    """Nothing takes an empty text, and as a path it would mean the folder that one is in.

    Raises:
        DocumentError: naming each option, or place, that is given one.
    """
    problems = []
    for index, argument in enumerate(arguments, 1):
        option, _, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        if value.strip() or (option and "=" not in argument):
            continue
        before = arguments[index - 2] if index > 1 and arguments[index - 2].startswith("-") else f"argument {index}"
        problems.append(
            Problem("", option or before, f"got {value!r}; want a text (is a variable of the shell empty?)")
        )
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
