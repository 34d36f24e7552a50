"""The formats that committed runs can be written in: ours, and those of packages that the user has installed.

A format is one file with one function:

    def write(runs: Sequence[Path], root: Path, splits: Splits, *, depth: bool = False) -> None:

`runs` are the folders of committed runs in order of run id, each once; `root` is an empty folder; `splits` says
which runs are for training and which for testing. What follows the star are the format's own options: each has a
default, whose type is the option's. The file may also have `check(root)`, which raises if what was written is not
right. Staging, the check, the marker and the exchange with what was there are done here, once for all formats.

A package offers a format by an entry point of the group `av_synth.formats`: its name is the format's, its value the
module (or any object) that has `write`. docs/how-to/own-format.md has a complete example.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

import av_synth
from av_synth.errors import DataError, DocumentError, Problem, StoreError, UserError
from av_synth.export import contents
from av_synth.export.attribution import write_attribution
from av_synth.export.publish import publish
from av_synth.export.splits import Splits
from av_synth.messages import nearest, shown
from av_synth.store import canonical_json, need_place, open_run
from av_synth.store.files import as_mapping, read_json, write_file
from av_synth.store.runs import MANIFEST, RUNS

GROUP = "av_synth.formats"
_MARKER_SCHEMA = 1

_BUILT_IN = {
    "coco": "av_synth.export.coco",
    "kitti": "av_synth.export.kitti",
    "mcap": "av_synth.export.mcap",
    "nuscenes": "av_synth.export.nuscenes",
    "openlabel": "av_synth.export.openlabel",
    "rrd": "av_synth.export.rrd",
    "webdataset": "av_synth.export.webdataset",
}
_OURS = "av_synth"
_COMMON = ("runs", "root", "splits")
_Value = bool | int | float | str


@dataclass(frozen=True)
class _Chosen:
    """A run to be exported, and what the marker says of it."""

    folder: Path
    named: Mapping[str, object]


class Writer(Protocol):
    """What writes a format: a module, or any object with this function, and perhaps with `check(root)`."""

    def write(self, runs: Sequence[Path], root: Path, splits: Splits, **options: Any) -> None:
        """Fill the empty folder `root`; a format has named options with defaults in place of `**options`."""


@dataclass(frozen=True)
class Format:
    """A format that can be written.

    Attributes:
        name: what the user calls it.
        origin: 'av_synth', or the package that it comes from.
        writer: the object that has `write`, and perhaps `check`.
        summary: one sentence.
        defaults: the options that only this format has, and what they are if nobody says.
    """

    name: str
    origin: str
    writer: Writer
    summary: str
    defaults: Mapping[str, _Value]

    def options(self, given: Mapping[str, str]) -> dict[str, _Value]:
        """Values of options as text, checked and converted.

        Raises:
            DocumentError: naming each that is unknown or of another type.
        """
        problems, values = [], {}
        for name, text in given.items():
            if name not in self.defaults:
                wanted = nearest(name, self.defaults) if self.defaults else "it has none"
                problems.append(Problem("", f"--option {name}", f"no option of the format {self.name}; {wanted}"))
                continue
            try:
                values[name] = _convert(text, type(self.defaults[name]))
            except ValueError as error:
                problems.append(Problem("", f"--option {name}", f"got {shown(text)}; want {error}"))
        if problems:
            raise DocumentError(problems)
        return values


def names() -> tuple[str, ...]:
    """Every format there is, sorted; ours and those of other packages."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def load(name: str) -> Format:
    """The format of that name.

    Raises:
        DocumentError: if there is none.
        UserError: if two packages have one, or it cannot be used.
    """
    offers = [(_origin(point), point) for point in entry_points(group=GROUP) if point.name == name]
    packages = sorted({*(origin for origin, _ in offers), *([_OURS] if name in _BUILT_IN else [])})
    if len(packages) > 1:
        raise UserError(f"format '{name}': offered by {' and by '.join(packages)}; uninstall or rename one")
    if name in _BUILT_IN:
        return _format(name, _OURS, import_module(_BUILT_IN[name]))
    if not offers:
        raise DocumentError([Problem("", "format", f"got {name!r}; {nearest(name, names())}")])
    origin, point = offers[0]
    try:
        writer = point.load()
    except Exception as error:  # another's code: whatever it raises, it is of no use
        raise UserError(
            f"format '{name}' of the package {origin}: '{point.value}' cannot be loaded: "
            f"{type(error).__name__}: {error}; repair or uninstall the package"
        ) from error
    return _format(name, origin, writer)


def export(
    name: str,
    run_dirs: Sequence[Path],
    target: Path,
    options: Mapping[str, str] | None = None,
    splits: Splits | None = None,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Write committed runs in a format; the dataset appears whole or not at all.

    Args:
        name: of the format.
        run_dirs: folders of committed runs, in any order; one named twice counts once.
        target: where the dataset shall be. A dataset of the same format that an export wrote is replaced, if no
            file of somebody else is in it.
        options: of this format, as text.
        splits: which run is in which split; all in one if None.
        check: called with the staged dataset in place of the format's own check.

    Returns:
        `target`, resolved.

    Raises:
        UserError: if there is no such format, no run, or something else than such a dataset is in the way.
        DataError: if a run contradicts itself, or the dataset is not as it should be.
        StoreError: if files cannot be read, linked or written.
    """
    chosen = load(name)
    values = chosen.options(options or {})
    target = Path(target).resolve()
    runs = _distinct(run_dirs)
    if not runs:
        raise UserError("no runs to export: name at least one committed run")
    splits = splits or Splits.none()
    splits.check(list(runs))
    _refuse_among_runs(target, runs)
    own = _own_place(chosen)
    refuse: Callable[[Path], None] = own or partial(_refuse_foreign, name=name)
    refuse(target)
    need_place("", target)  # it is staged beside

    judge: Callable[[Path], None] | None = check or getattr(chosen.writer, "check", None)

    def write(staging: Path) -> None:
        chosen.writer.write([run.folder for run in runs.values()], staging, splits, **values)
        if judge is not None:
            judge(staging)
        if own is None:
            _mark(staging, chosen, runs, {**chosen.defaults, **values}, splits)

    publish(target, write, refuse)
    return target


def refuse_place(name: str, target: Path) -> None:
    """Raise UserError if a dataset in this format may not be put at `target`, because of what is there."""
    own = _own_place(load(name))
    own(target) if own is not None else _refuse_foreign(target, name)


def _distinct(run_dirs: Sequence[Path]) -> dict[str, _Chosen]:
    """The runs by id and in its order, each once.

    Raises:
        DataError: if two runs of one id differ.
        StoreError: if a manifest cannot be read.
    """
    found: dict[str, _Chosen] = {}
    for directory in run_dirs:
        run = open_run(Path(directory).resolve(), files=False)
        named = {key: run.manifest.get(key) for key in ("run_id", "scenario", "seed", "rig")}
        other = found.setdefault(run.run_id, _Chosen(run.folder, named))
        one, two = other.folder, run.folder
        if one != two and (one / MANIFEST).read_bytes() != (two / MANIFEST).read_bytes():
            raise DataError(f"{one} and {two} are both run {run.run_id}, but differ")
    return dict(sorted(found.items()))


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _format(name: str, origin: str, writer: Any) -> Format:
    write = getattr(writer, "write", None)
    where = f"format '{name}' of the package {origin}"
    if not callable(write):
        raise UserError(f"{where}: has no function write(runs, root, splits); see docs/how-to/own-format.md")
    parameters = list(inspect.signature(write).parameters.values())
    if tuple(parameter.name for parameter in parameters[:3]) != _COMMON:
        raise UserError(f"{where}: write{inspect.signature(write)}; want write(runs, root, splits, ...)")
    defaults = {}
    for parameter in parameters[3:]:
        if parameter.kind != parameter.KEYWORD_ONLY or not isinstance(parameter.default, (bool, int, float, str)):
            raise UserError(f"{where}: its option '{parameter.name}' needs a plain default, behind a star")
        defaults[parameter.name] = parameter.default
    told = inspect.getdoc(writer) or inspect.getdoc(write) or ""
    return Format(name, origin, writer, " ".join(told.partition("\n\n")[0].split()), defaults)


def _convert(text: str, kind: type) -> _Value:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("true or false")
        return text.lower() == "true"
    try:
        value: _Value = kind(text)
    except ValueError as error:
        raise ValueError("a whole number" if kind is int else "a number") from error
    return value


def _own_place(chosen: Format) -> Callable[[Path], None] | None:
    """Of nuScenes: it has its marker beside the tables, because readers expect no other file at the root."""
    return getattr(chosen.writer, "refuse_place", None) if chosen.origin == _OURS else None


def _refuse_among_runs(target: Path, runs: Mapping[str, _Chosen]) -> None:
    """Raise UserError if a dataset at `target` would be in one of the runs, or beside them in their folder."""
    for run_id, run in runs.items():
        if run.folder in (target, *target.parents):
            raise UserError(f"{target}: inside run {run_id}, which must not change; name another place")
        beside = run.folder.parent
        if beside.name == RUNS and beside in (target, *target.parents):
            raise UserError(f"{target}: inside {beside}, which holds runs only; name another place")


def _refuse_foreign(target: Path, name: str) -> None:
    """Replacing a dataset removes what is there: only what an export to this format wrote may go."""
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{target}: a file is in the way; name another place")
    there = sorted(entry.name for entry in target.iterdir())
    if not there:
        return
    marker = _read_marker(target / contents.MARKER) or _nuscenes_marker(target)
    if marker is None:
        raise UserError(f"{target}: holds '{there[0]}', and no dataset that av_synth wrote; name another place")
    if marker.get("format") != name:
        raise UserError(
            f"{target}: holds a dataset in the format {marker.get('format')}, not {name}; name another place"
        )
    entries = marker.get("entries")
    foreign = [entry for entry in there if entry not in (entries if isinstance(entries, list) else ())]
    if foreign:
        raise UserError(
            f"{target}: holds '{foreign[0]}', which is no part of the dataset; move it or name another place"
        )
    contents.refuse_foreign(target, target / contents.LIST)


def _nuscenes_marker(target: Path) -> Mapping[str, object] | None:
    """What a marker would say of a nuScenes dataset of ours, or of parts, which have theirs beside their tables."""
    if any(any(target.glob(f"{part}v1.0-*/{contents.MARKER}")) for part in ("", "part-*/")):
        return {"format": "nuscenes"}
    return None


def _read_marker(path: Path) -> Mapping[str, object] | None:
    try:
        return as_mapping(read_json(path), str(path))
    except StoreError:
        return None


def _mark(
    root: Path, chosen: Format, runs: Mapping[str, _Chosen], options: Mapping[str, _Value], splits: Splits
) -> None:
    for name in (contents.MARKER, contents.LIST):
        if (root / name).exists():
            raise DataError(f"format '{chosen.name}' of the package {chosen.origin}: wrote {name}, which is av_synth's")
    write_attribution(root, (open_run(run.folder, files=False) for run in runs.values()))
    marker = {
        "schema": _MARKER_SCHEMA,
        "av_synth": av_synth.__version__,
        "format": chosen.name,
        "options": dict(options),
        "entries": sorted([*(entry.name for entry in root.iterdir()), contents.MARKER, contents.LIST]),
        "runs": [{**run.named, "split": splits.of(run_id)} for run_id, run in runs.items()],
    }
    write_file(root / contents.MARKER, canonical_json(marker))
    contents.note(root, root / contents.LIST)
