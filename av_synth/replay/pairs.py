"""Counterfactual pairs: a run played back as it was and with one thing otherwise, and the table of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from av_synth import store
from av_synth.errors import StoreError, UserError
from av_synth.export.dataset import DATASET, export_dataset, refuse_dataset
from av_synth.launch import Address
from av_synth.launch.choose import simulator_at
from av_synth.log.origin import origin_of
from av_synth.replay.vary import Asked, Variation, palettes_of
from av_synth.run.attempt import logs
from av_synth.run.generate import Generated, folder_of, generate_at
from av_synth.run.spec import RunSpec, ShowStep

if TYPE_CHECKING:
    from av_synth.replay.playback import Playback

_BASE = "base"
"""Folder of the run that is played back unchanged."""

TABLE = ("variation", "factor", "from", "to", "base_run_id", "run_id", "origin_run_id", "base_dataset", "dataset")
_PAIRS = "pairs.json"

Pair = dict[str, Any]
"""A row of pairs.json, with the keys of `TABLE`."""


def make_pairs(
    asked: Asked,
    out: Path,
    simulator: str,
    step: ShowStep,
    on_made: Callable[[Generated], object],
    on_dataset: Callable[[Path], object],
    *,
    most: int,
    adopt: bool,
) -> Path:
    """Play a run back as it was and with each thing otherwise, and make a dataset of each; what is there is kept.

    Args:
        asked: what shall be otherwise.
        out: folder for a store of each, and for the table.
        simulator: see `launch.choose.simulator_at`.
        step: shows each playback and each export.
        on_made: told of each run.
        on_dataset: told of each dataset.
        most: how many colours one actor gets at most.
        adopt: as of `simulator_at`.

    Returns:
        The table, pairs.json.

    Raises:
        UserError: if what is asked cannot be; nothing was played then.
        AvSynthError: as `run.generate` and `export_dataset`.
    """
    with folder_of(out), simulator_at(simulator, logs(out) / "simulator.log", adopt=adopt) as address:
        variations = asked.settled(palettes_of(address, asked.bodies), most)
        refuse_others(out, asked, variations)
        specs = {_BASE: asked.base, **{each.name: each.spec for each in variations}}
        for name in specs:
            refuse_dataset(out / name)
        made = {name: _make(spec, out, name, address, step, on_made) for name, spec in specs.items()}
    for name in specs:
        with step(f"exporting {out / name}", counted=False):
            dataset = export_dataset(out / name)
        on_dataset(Path(dataset))
    return write_pairs(out, [pair(each, made[_BASE], made[each.name], DATASET) for each in variations])


def _make(
    spec: RunSpec, out: Path, name: str, address: Address, step: ShowStep, on_made: Callable[[Generated], object]
) -> store.Run:
    with step(f"playing back {name}") as on_tick:
        made = generate_at(spec, out / name, address, on_tick, logs(out))
    on_made(made)
    if len(store.runs(out / name)) > 1:
        raise UserError(f"{out / name}: holds runs of several simulators or releases; want another --out")
    return store.open_run(made.run, files=False)


def refuse_others(out: Path, asked: Asked, variations: Iterable[Variation]) -> None:
    """Refuse a folder that has what does not go with what is asked.

    Raises:
        UserError: if where a run is to go to is one that plays something else back.
        StoreError: if there is a pairs.json that is no table of pairs.
    """
    _rows(out / _PAIRS)
    for name, spec in ((_BASE, asked.base), *((each.name, each.spec) for each in variations)):
        rig = None if spec.rig is None else spec.rig.to_json()
        wanted = json.loads(store.canonical_json({"rig": rig, **cast("Playback", spec.script).to_json()}))
        for path in store.runs(out / name):
            identity = cast("Mapping[str, Any]", store.open_run(path, files=False).manifest["identity"])
            if {key: identity.get(key) for key in wanted} != wanted:
                raise UserError(
                    f"{out / name}: holds run {path.name}, which plays another run back, another part of it, or has "
                    "another rig; want another --out"
                )


def pair(variation: Variation, base: store.Run, run: store.Run, dataset: str) -> Pair:
    """The row of a variation.

    Args:
        variation: what is otherwise.
        base: the run without it.
        run: the run with it.
        dataset: name of the folder of a dataset in that of a run's store.
    """
    return {
        "variation": variation.name,
        "factor": variation.factor,
        "from": variation.before,
        "to": variation.after,
        "base_run_id": base.run_id,
        "run_id": run.run_id,
        "origin_run_id": origin_of(run.run_id, run.manifest).run_id,
        "base_dataset": f"{_BASE}/{dataset}",
        "dataset": f"{variation.name}/{dataset}",
    }


def write_pairs(out: Path, pairs: Sequence[Pair]) -> Path:
    """Write pairs.json and pairs.csv; rows of other variations that are there already stay. Returns the first.

    Raises:
        StoreError: if what is there cannot be read.
    """
    path = out / _PAIRS
    rows = {row["variation"]: row for row in [*_rows(path), *pairs]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TABLE)
    writer.writerows([_cell(row[key]) for key in TABLE] for _, row in sorted(rows.items()))
    store.replace_file(path, store.canonical_json([rows[name] for name in sorted(rows)]), durable=True)
    store.replace_file(path.with_suffix(".csv"), text.getvalue().encode(), durable=True)
    return path


def _rows(path: Path) -> list[Pair]:
    try:
        rows = json.loads(path.read_bytes()) if path.exists() else []
        if any(set(row) != set(TABLE) for row in rows):
            raise ValueError(f"want rows of {', '.join(TABLE)}")
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path}: is no table of pairs: {error}; move it away") from error
    return list(rows)


def _cell(value: Mapping[str, float] | str) -> str:
    """Text; of weather, as `--weather` takes it."""
    return value if isinstance(value, str) else "+".join(f"{name}={number:g}" for name, number in value.items())
