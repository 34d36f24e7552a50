"""Every file of the package in one line, from its own first words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "av_synth"


def code_map() -> str:
    """The files of the package by folder, as Markdown."""
    folders = sorted(found.parent for found in PACKAGE.rglob("__init__.py"))
    return "\n".join(line for folder in folders for line in _folder(folder))


def _folder(folder: Path) -> Iterator[str]:
    yield f"## `{folder.relative_to(ROOT)}`\n"
    about = _docstring(folder / "__init__.py")
    if about:
        yield f"{about}\n"
    yield from (
        f"- `{path.name}`: {_docstring(path)}" for path in sorted(folder.glob("*.py")) if path.stem != "__init__"
    )
    for pattern in ("shaders/*", "*.js", "page/*.js"):
        yield from (
            f"- `{path.relative_to(folder).as_posix()}`: {_first_comment(path)}"
            for path in sorted(folder.glob(pattern))
        )
    yield ""


def _docstring(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    text = path.read_text(encoding="utf-8")
    return " ".join((ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].split())


def _first_comment(path: Path) -> str:
    """The first line of a shader or a script, but for `"use strict";`."""
    text = path.read_text(encoding="utf-8").removeprefix('"use strict";\n')
    if not text.startswith("// "):
        raise ValueError(f"{path}: got no comment in its first line; want one that says what it does")
    return text.partition("\n")[0].removeprefix("// ")
