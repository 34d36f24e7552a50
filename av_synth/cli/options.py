"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Sequence

from av_synth.errors import DocumentError, Problem


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
