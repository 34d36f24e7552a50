"""Pieces of the page of a campaign."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from av_synth.farm.model import PlannedRun

_NUMBER = re.compile(r"([\d,.]+( [a-zA-Z]+)*)?")  # 12, 3.1 GB


def table(heads: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Iterator[str]:
    """A table of HTML: whoever fills it escapes what came from outside. Columns of numbers are put right."""
    content = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    right = [all(_NUMBER.fullmatch(row[k]) for row in content) for k in range(len(heads))]
    kinds = [' class="n"' if one else "" for one in right]
    yield f'<div class="wide"><table><tr>{_cells("th", heads, kinds)}</tr>'
    yield from (f"<tr>{_cells('td', row, kinds)}</tr>" for row in content)
    yield "</table></div>"


def _cells(tag: str, cells: Sequence[str], kinds: Sequence[str]) -> str:
    return "".join(f"<{tag}{kind}>{cell}" for cell, kind in zip(cells, kinds, strict=True))


def scenario(run: PlannedRun) -> str:
    """What a run plays, not escaped."""
    return run.recipe.scenario.removesuffix(".yaml")


def rig(run: PlannedRun) -> str:
    """What looks, not escaped."""
    return (run.recipe.rig or "no sensors").removesuffix(".yaml")


def several(values: Iterable[str]) -> str:
    """Some of the different values, escaped."""
    found = sorted(set(values))
    more = f" and {len(found) - 4:,} more" if len(found) > 4 else ""
    return escape(", ".join(found[:4]) + more)


def link(path: Path, folder: Path, text: str) -> str:
    """A link to a file, for a page in a folder."""
    target = quote(os.path.relpath(path.resolve(), folder.resolve()))
    return f'<a href="{target}"><code>{escape(text)}</code></a>'
