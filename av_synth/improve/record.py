"""What is kept of an improvement: what was asked, and one file a round, each whole or not there.

<store>/runs, <store>/nuscenes      the data so far
<store>/improve/asked.json          what was asked, which stays
<store>/improve/improve.lock        is held by whoever is at it
<store>/improve/round-01.json       what was found, what was spent on it, and what came of that
<store>/improve/round-01.model      what the detector has learnt after it, if it learns
<store>/improve/batch-01.yaml       the campaign that was made of it, and its store
<store>/improve/held_out            store and dataset of what is only ever graded on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from av_synth.documents import Strict
from av_synth.errors import StoreError, UserError
from av_synth.farm.records.lease import held
from av_synth.grade import Grades, SliceGrade
from av_synth.improve.grading import Shortfall, of_cells
from av_synth.store import canonical_json, need_place, replace_file
from av_synth.store.files import fsync_directories

FOLDER = "improve"
_ASKED, _LOCK = "asked.json", "improve.lock"
_Model = TypeVar("_Model", bound=Strict)


class SliceFigures(Strict):
    """Recall of a slice: share of objects found, with the interval that holds 95 % of what drawing scenes anew gives.

    `may_lack` and `fails` are as of `grading.Shortfall`; 0 and False where nothing is to be spent by it.
    """

    values: Mapping[str, str]
    scenes: int
    objects: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    ap: float | None
    ap_low: float | None
    ap_high: float | None
    may_lack: float = 0.0
    fails: bool = False

    @classmethod
    def of(cls, slice_: SliceGrade, may_lack: float = 0.0, *, fails: bool = False) -> SliceFigures:
        """Those of a slice that was graded."""
        same = {name: getattr(slice_, name) for name in cls.model_fields if hasattr(slice_, name)}
        return cls(values=dict(slice_.slice_values), may_lack=may_lack, fails=fails, **same)


class Figures(Strict):
    """Of a whole dataset, of its slices by one axis each, and of every scenario in every weather and light."""

    overall: SliceFigures
    slices: tuple[SliceFigures, ...]
    cells: tuple[SliceFigures, ...]

    @classmethod
    def of(cls, grades: Grades, found: tuple[Shortfall, ...]) -> Figures:
        """Those of a grading, with what slices may lack."""
        slices = tuple(SliceFigures.of(one.slice, one.may_lack, fails=one.fails) for one in found)
        cells = tuple(map(SliceFigures.of, of_cells(grades)))
        return cls(overall=SliceFigures.of(grades.overall), slices=slices, cells=cells)


class Spent(Strict):
    """Runs that were asked for: of a scenario in a weather, so many by share and so many by need."""

    scenario: str
    weather: str
    by_share: int
    by_need: int


class Round(Strict):
    """A round.

    Attributes:
        number: 0 for the data that there were, or a first batch by shares.
        state: planned, or done.
        graded: figures on the data so far, none of which the detector had learnt from; None where nothing was graded.
        need: by axis and value, how much more of it was needed, 1 for as much as on average.
        spent: what the budget went into.
        runs: how many the data have after it.
        held_out: figures on what is only ever graded on; None while planned.
    """

    number: int
    state: Literal["planned", "done"]
    graded: Figures | None = None
    need: Mapping[str, Mapping[str, float]] = {}
    spent: tuple[Spent, ...] = ()
    runs: int = 0
    held_out: Figures | None = None


class Asked(Strict):
    """What somebody asked for, as far as it decides what is spent on what."""

    model: str
    space: str
    budget: int
    floor: float
    seed: int
    held_out: str


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Be the only one that improves a detector in a store, until this is left or this process is dead.

    Raises:
        UserError: if somebody else does; names the process.
        StoreError: if that cannot be found out.
    """
    need_place("--store", store, folder=True)
    folder = store / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {error.strerror or error}") from error
    want = "want another store, or wait until it is done"
    with held(folder / _LOCK, lambda by: UserError(f"{store}: a detector is improved there by {by}; {want}")):
        yield


def is_any_round_done(store: Path) -> bool:
    """Whether figures of a detector are kept, so that it can be no other any more."""
    first = read_round(store, 0)
    return first is not None and first.state == "done"


def keep_asked(store: Path, asked: Asked) -> None:
    """Keep what was asked, or find that it is what was asked before; until a round is done the model may be another.

    Raises:
        UserError: naming what was something else before.
        StoreError: if it cannot be read or written.
    """
    path = store / FOLDER / _ASKED
    if not path.exists():
        _write(path, asked)
        return
    before = _read(path, Asked)
    changed = [name for name in Asked.model_fields if getattr(before, name) != getattr(asked, name)]
    if changed == ["model"] and not is_any_round_done(store):
        _write(path, asked)
    elif changed:
        told = ", ".join(f"{name} was {getattr(before, name)}, is {getattr(asked, name)}" for name in changed)
        raise UserError(f"{store}: was begun with something else: {told}; want it as it was, or another store")


def read_round(store: Path, number: int) -> Round | None:
    """A round that was recorded; None if it has not begun.

    Raises:
        StoreError: if it cannot be read.
    """
    path = place(store, "round", number, ".json")
    return _read(path, Round) if path.exists() else None


def write_round(store: Path, round_: Round) -> None:
    """Record a round, in place of what was recorded of it.

    Raises:
        StoreError: if it cannot be written.
    """
    _write(place(store, "round", round_.number, ".json"), round_)


def place(store: Path, what: str, number: int, ending: str = "") -> Path:
    """Where something of a round is, such as `improve/batch-01.yaml`."""
    return store / FOLDER / f"{what}-{number:02}{ending}"


def _write(path: Path, model: Strict) -> None:
    replace_file(path, canonical_json(model.model_dump()), durable=True)
    fsync_directories({path.parent})


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise StoreError(f"{path}: is not what av_synth wrote: {error}") from error
