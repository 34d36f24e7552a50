"""How messages quote what somebody wrote, and what they hint at."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping

MAX_HINTS = 200  # of the nearest right word, in one file: each costs a comparison with every word there is
_MANY_NAMES = 64


def nearest(got: str, known: Iterable[str]) -> str:
    """A hint that ends a message: the known name most like `got`, else all of them when they are few."""
    names = sorted(known)
    few = len(names) <= _MANY_NAMES
    if not few:  # a comparison costs; who mistypes a word mostly begins or ends it right
        names = [name for name in names if name[:1] == got[:1] or name[-1:] == got[-1:]]
    close = difflib.get_close_matches(got, names, 1, 0.6)
    # `fx` is meant for fx_px, `tyni` for tiny
    close += [name for name in names if got[1:] and (name.startswith(f"{got}_") or sorted(name) == sorted(got))]
    if close:
        return f"did you mean {close[0]!r}?"
    return f"want one of {', '.join(names)}" if 0 < len(names) <= 32 and few else "there is none like it"


def shown(value: object) -> str:
    """A value as a message quotes it, short."""
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(str, value)) or 'nothing in it'}"[:80]
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return "nothing" if value is None else text if len(text) <= 60 else f"{text[:57]}..."
