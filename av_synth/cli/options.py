"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Sequence

from av_synth.errors import DocumentError, Problem


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
