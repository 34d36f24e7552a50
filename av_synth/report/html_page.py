"""Pieces of pages of tables, such as those of campaigns and audits: one file each, which asks for nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from av_synth.errors import UserError
from av_synth.report.page_style import STYLE

_FIRST_LINE = '<!doctype html><html lang="en"><meta charset="utf-8">'
_POLICY = '<meta http-equiv="Content-Security-Policy" content="'
_NUMBER = re.compile(r"([\d,.]+( [a-zA-Z]+)*)?")  # 12, 3.1 GB


def refuse_folder(page: Path, name: str) -> None:
    """Raise UserError if a folder is where a page shall be; `name` is that of a page in it which may be."""
    if page.is_dir():
        raise UserError(f"{page}: is a folder; want the name of a file for the page, such as {page / name}")


def is_page(file: Path) -> bool:
    """Whether a file is a page that begins as these do."""
    return file.read_bytes().startswith(f"{_FIRST_LINE}\n{_POLICY}".encode())


def head(title: str, *, style: str = "", pictures: bool = False) -> Iterator[str]:
    """The beginning of a page, down to its heading.

    Args:
        title: escaped.
        style: CSS, behind that of all pages.
        pictures: whether it has some, as data.
    """
    # nothing that a message or a name might smuggle in is ever loaded or run
    policy = f"default-src 'none'; {'img-src data:; ' if pictures else ''}style-src 'unsafe-inline'"
    yield _FIRST_LINE
    yield f'{_POLICY}{policy}">'
    yield '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    yield f"<title>{title}</title><style>{STYLE}{style}</style><h1>{title}</h1>"


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


def several(values: Iterable[str]) -> str:
    """Some of the different values, escaped."""
    found = sorted(set(values))
    more = f" and {len(found) - 4:,} more" if len(found) > 4 else ""
    return escape(", ".join(found[:4]) + more)


def link(path: Path, folder: Path, text: str) -> str:
    """A link to a file, for a page in a folder."""
    target = quote(os.path.relpath(path.resolve(), folder.resolve()))
    return f'<a href="{target}"><code>{escape(text)}</code></a>'
