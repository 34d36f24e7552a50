"""User-owned YAML: read strictly and within bounds, checked against pydantic models, every mistake reported at once.

What is read, and what is refused, is said in `plain_yaml` (D9).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from av_synth.errors import DocumentError, Problem
from av_synth.messages import MAX_HINTS, nearest, shown
from av_synth.plain_yaml import Key, KeyPath, dotted, read_plain

MAX_BYTES = 1_000_000
_FEW_KEYS = 8  # of a mapping: so many are told to who has written something else
NAME = "[a-z0-9][a-z0-9_-]{0,63}"
NAME_IN_WORDS = "lower-case letters, digits, _ and -, at most 64, beginning with a letter or digit"

_ONE_OF = {  # as messages call one document of a kind
    "scenarios": "scenario",
    "sensors": "rig",
    "configs": "campaign",
    "configs/odd": "design domain",
    "configs/spaces": "space",
}
_WITHIN = {"configs": ("assets", "odd", "spaces")}  # folders of a kind's folder whose documents are of another kind
_LISTED_BY = {"scenarios": "scenarios", "sensors": "rigs"}  # verbs

# pydantic's error types that only say which kind of value was wanted
_WANTED_KIND = {
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "tuple_type": "a list",
}


def in_order(found: Iterable[Problem]) -> list[Problem]:
    """Problems without doubles, in the order of their lines; those without a line first."""

    def line(problem: Problem) -> int:
        tail = problem.where.rpartition(":")[2]
        return int(tail) if tail.isdigit() else 0

    return sorted(dict.fromkeys(found), key=line)


@dataclass(frozen=True)
class Matching:
    """A rule on text for `Annotated[str, ...]`: it must match all of a pattern; `words` say so to people."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The text itself, then the rule."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The text with its pattern."""
        return {**handler(core), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"got {shown(value)}; want {self.words}")
        return value


@dataclass(frozen=True, eq=False)  # a mapping has no hash, which annotations need
class Written:
    """A note for `Annotated[..., ...]`: this JSON schema may be written too, as a short form."""

    schema: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Both."""
        return {"anyOf": [dict(self.schema), handler(core)]}


class Strict(BaseModel):
    """Base of every document model: frozen, no unknown keys, no silent conversions, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


DocumentName = Annotated[str, Matching(NAME, NAME_IN_WORDS)]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values (dict, list, str, int, float, bool, None), with the line of every key.

    Attributes:
        where: the file as messages name it.
        data: its content.
        lines: 1-based line of each key or list item, by key path; the empty path is the document's start.
    """

    where: str
    data: object
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def problem(self, path: Sequence[Key], message: str) -> Problem:
        """A problem at a key path, or at its nearest ancestor that stands in the file."""
        known = tuple(path)
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        return Problem(self.where if line is None else f"{self.where}:{line}", dotted(path), message)

    @property
    def keys(self) -> Mapping[str, Any]:
        """Its top-level keys with their values; none if it is something else than a mapping."""
        return self.data if isinstance(self.data, dict) else {}

    def place_of(self, value: str) -> KeyPath | None:
        """The first key path where a text stands as a value."""
        pending: list[tuple[KeyPath, object]] = [((), self.data)]
        while pending:
            path, found = pending.pop()
            if found == value:
                return path
            inside = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
            pending += reversed([((*path, key), item) for key, item in inside])
        return None


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        DocumentError: if it cannot be read, is too large, or is not the YAML that av_synth reads.
    """
    where = displayed(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(where, "", f"cannot be read: {error.strerror}")]) from error
    return parse(raw, where)


def parse(raw: bytes | str, where: str) -> Document:
    """Parse YAML text; `where` names it in messages.

    Raises:
        DocumentError: with every problem that could be found; a syntax error ends the search.
    """
    if len(raw) > MAX_BYTES:
        raise DocumentError([Problem(where, "", f"is larger than {MAX_BYTES} bytes; want a smaller file")])
    data, lines, mistakes = read_plain(_decoded(raw, where) if isinstance(raw, bytes) else raw)
    if mistakes:
        raise DocumentError(
            in_order(Problem(f"{where}:{line}" if line else where, "", text) for line, text in mistakes)
        )
    return Document(where, data, lines)


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DocumentError([Problem(f"{where}:{line}", "", "is not UTF-8; save it as UTF-8")]) from error


def validate(document: Document, model: type[Model], data: object = None) -> Model:
    """Check a document against a model.

    Args:
        document: what was read; gives the lines.
        model: the pydantic model.
        data: plain values to check instead of the document's own (after references were filled in, say).

    Raises:
        DocumentError: with every problem, each 'file:line: key.path: got X; want Y'.
    """
    values = document.data if data is None else data
    try:
        # by way of JSON, so that strictness means JSON's: a list may fill a tuple, a whole number a float, no more
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise DocumentError(problems(document, model, error)) from error


def problems(
    document: Document,
    model: type[BaseModel],
    error: ValidationError,
    place: Callable[[KeyPath], KeyPath] = lambda path: path,
) -> list[Problem]:
    """Pydantic's errors in our words, in the order of the file.

    Args:
        document: what was checked.
        model: against what.
        error: what pydantic found.
        place: where in the document a key path of what was checked stands, if only a part of it was.
    """
    found = []
    for number, item in enumerate(error.errors(include_url=False)):
        if item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]:
            continue  # pydantic counts only the items that are right
        # pydantic marks an error in a mapping's key by a last part '[key]'
        path = tuple(key for key in item["loc"] if key != "[key]")
        hinted = item["type"] != "extra_forbidden" or number < MAX_HINTS
        message = _message(model, path, item["type"], item["msg"], item.get("input")) if hinted else "unknown key"
        found.append(document.problem(place(path), message))
    return in_order(found)


def library_root() -> Path:
    """The folder that holds scenarios/, sensors/ and configs/: in the installed package, else the checkout."""
    package = Path(__file__).resolve().parent
    return package / "library" if (package / "library").is_dir() else package.parent


def files(kind: str) -> dict[str, Path]:
    """The built-in documents of a kind ('scenarios', 'sensors', 'configs') by name, sorted; they may be in folders.

    Raises:
        DocumentError: if two have one name, which is enough to ask for them.
    """
    found: dict[str, Path] = {}
    root = library_root() / kind
    for path in sorted(root.rglob("*.yaml"), key=lambda path: (path.stem, path.as_posix())):
        if re.fullmatch(NAME, path.stem) and path.relative_to(root).parts[0] not in _WITHIN.get(kind, ()):
            if path.stem in found:
                both = " and ".join(str(each.relative_to(root)) for each in (found[path.stem], path))
                raise DocumentError([Problem("", kind, f"{both} have one name; want two")])
            found[path.stem] = path
    return found


def names(kind: str) -> tuple[str, ...]:
    """Names of the built-in documents of a kind, sorted."""
    return tuple(files(kind))


def find(kind: str, name_or_path: str) -> Path:
    """The file of a built-in document by its name, or a user's own by its path (with a .yaml or .yml ending).

    Raises:
        DocumentError: if there is no such document.
    """
    one = _ONE_OF.get(kind, kind)
    if name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        if "\0" in name_or_path or not path.is_file():
            raise DocumentError([Problem("", one, f"got {shown(name_or_path)}; there is no such file")])
        return path
    known = files(kind)
    if not re.fullmatch(NAME, name_or_path):
        want = "want a name such as " + ", ".join(list(known)[:3]) + ", or a path that ends in .yaml"
        raise DocumentError([Problem("", one, f"got {shown(name_or_path)}; {want}")])
    if name_or_path not in known:
        lists = "" if kind not in _LISTED_BY else f"; `av-synth {_LISTED_BY[kind]}` lists them"
        if Path(name_or_path).exists():
            lists = ", or a path that ends in .yaml"
        raise DocumentError([Problem("", one, f"got {shown(name_or_path)}; {nearest(name_or_path, known)}{lists}")])
    return known[name_or_path]


def _message(model: type[BaseModel], path: KeyPath, kind: str, text: str, got: object) -> str:
    info = _field(model, path)
    if kind == "extra_forbidden":
        owner = _model_at(model, path[:-1])
        return f"unknown key; {nearest(str(path[-1]), owner.model_fields if owner else ())}"
    if kind == "missing":
        return f"is missing; want {info.description}" if info and info.description else "is missing"
    if kind in ("value_error", "assertion_error"):
        return text.partition(", ")[2]
    if kind in ("list_type", "tuple_type") and isinstance(got, str) and got:
        return f"got {shown(got)}; want a list, as in [{got}]"
    if kind in _WANTED_KIND:
        wanted = _model_at(model, path) if kind == "model_type" and path else None
        keys = list(wanted.model_fields) if wanted else []
        told = f": {', '.join(keys)}" if 0 < len(keys) <= _FEW_KEYS else ""
        return f"got {shown(got)}; want {_WANTED_KIND[kind]}{told}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", text)
        return f"got {shown(got)}; {nearest(str(got), choices)}"
    size = re.search(r"should have (at (?:most|least) \d+ \w+)", text)
    if size:
        return f"got {shown(got)}; want {size[1]}"
    bounds = _bounds(_rules(model, path))
    if bounds and kind.startswith(("greater_than", "less_than")):
        return f"got {shown(got)}; want {bounds}"
    return f"got {shown(got)}; want {text.removeprefix('Input should be ').removeprefix('Input should ')}"


def _bounds(rules: Iterable[object]) -> str:
    limits: dict[str, float] = {}
    for rule in rules:
        limits.update({name: getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)})
    if {"ge", "le"} <= limits.keys():
        return f"{limits['ge']:g} to {limits['le']:g}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return " and ".join(f"{words[name]} {limits[name]:g}" for name in words if name in limits)


def _field(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    owner = _model_at(model, path[:-1])
    return owner.model_fields.get(str(path[-1])) if owner and path else None


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the mapping at a key path, found by walking through optionals, lists and mappings."""
    here: object = model
    for key in path:
        here = _inside(here, key)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _rules(model: type[BaseModel], path: KeyPath) -> Iterator[object]:
    """The rules on the value at a key path, wherever its annotation carries them."""
    owner: object = model
    for key in path[:-1]:
        owner = _inside(owner, key)
    if isinstance(owner, type) and issubclass(owner, BaseModel):
        info = owner.model_fields.get(str(path[-1]))
        pending: list[object] = [info, info.annotation] if info else []
    else:
        pending = [_item(owner, path[-1])] if path else []
    while pending:
        found = pending.pop()
        if isinstance(found, FieldInfo):
            pending += found.metadata
        elif get_origin(found) is Annotated or type(None) in get_args(found):
            pending += get_args(found)
        else:
            yield found


def _item(annotation: object, key: Key) -> object:
    """What a list's items or a mapping's values are annotated with."""
    arguments = get_args(annotation)
    return None if not arguments else arguments[-1] if isinstance(key, str) else arguments[0]


def _inside(annotation: object, key: Key) -> object:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = annotation.model_fields.get(str(key))
        return _without_none(found.annotation) if found else None
    return _without_none(_item(annotation, key))


def _without_none(annotation: object) -> object:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    optional = type(None) in get_args(annotation) and len(arguments) == 1
    return _without_none(arguments[0]) if optional else annotation


def displayed(path: Path) -> str:
    """A path as messages show it: relative to where the user stands, when it is below."""
    resolved, here = path.resolve(), Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(path)
