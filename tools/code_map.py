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
    about = _first_words(folder / "__init__.py")
    if about:
        yield f"{about}\n"
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"- `{path.name}`: {_first_words(path)}"
    yield ""
    shaders = sorted(folder.glob("shaders/*"))
    if shaders:
        yield f"### `{folder.relative_to(ROOT)}/shaders`\n"
        yield from (f"- `{path.name}`: {_first_words(path)}" for path in shaders)
        yield ""


def _first_words(path: Path) -> str:
    """Of a module the first paragraph of its docstring, of a shader its first line, a comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return " ".join((ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].split())
    if not text.startswith("// "):
        raise ValueError(f"{path}: got no comment in its first line; want one that says what it draws")
    return text.partition("\n")[0].removeprefix("// ")
