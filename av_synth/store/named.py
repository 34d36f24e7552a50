"""The run that a user means: its folder, or one of a store, by its seed where there are several."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from av_synth.errors import StoreError, UserError
from av_synth.store.runs import MANIFEST, Run, open_run, runs, stores_in

_MOST_TOLD = 12  # runs of a store; of a campaign's thousands nobody reads more
_MOST_APART = 4  # things in which they differ


def open_named(path: Path, seed: int | None = None) -> Run:
    """The committed run that a user named: its folder, or a store that holds just one.

    Args:
        path: of either.
        seed: of the run; of a store with several it picks the one that has it.

    Raises:
        UserError: if it is neither, or not one run has that seed; with those that are there.
        StoreError: if it is not whole, or of another version.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return _of_seed(path, [path], seed)
    found = runs(path) if path.is_dir() else []
    if found:
        return _of_seed(path, found, seed)
    why = "is no run" if path.exists() else "there is no such folder"
    if (path / "tables").is_dir():
        why = "looks like a run that has lost its manifest.json"
    elif path.is_file():
        why = "is a file (of one of CARLA's recorder, `av-synth replay FILE --out FOLDER` makes a run)"
    elif path.is_dir() and (stores := stores_in(path)):
        why = f"holds {len(stores)} stores, such as {stores[0]}"
    raise UserError(f"{path}: {why}; want the folder of a run, runs/<run id> of a folder that `av-synth run` wrote")


def _of_seed(path: Path, found: list[Path], seed: int | None) -> Run:
    if len(found) == 1 and seed is None:
        return open_run(found[0])
    there = list(_readable(found)) if len(found) > 1 else [open_run(found[0])]
    fit = [run for run in there if seed in (None, run.manifest.get("seed"))]
    if len(fit) == 1:
        return open_run(fit[0].folder)
    if seed is None:
        got = f"holds {len(found)} runs; want one, by its folder or its seed"
    elif fit:
        got = f"holds {len(fit)} runs of seed {seed}; want one, by its folder"
    else:
        got = f"has no run of seed {seed}; want one that is there"
    told = _told(fit or there)
    left_out = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    raise UserError("\n  ".join([f"{path}: {got}:", *told[:_MOST_TOLD], *left_out]))


def _readable(found: list[Path]) -> Iterator[Run]:
    """The runs by their manifests, but for those whose manifest cannot be read: nobody knows their seed."""
    for path in found:
        try:
            yield open_run(path, files=False)
        except StoreError:
            continue


def _told(there: list[Run]) -> list[str]:
    """A line for each run: what it is, and in what it differs from those of which that is told, too."""
    alike: dict[str, list[Run]] = {}
    for run in there:
        scenario, rig, seed = (run.manifest.get(key) for key in ("scenario", "rig", "seed"))
        alike.setdefault(f"{scenario}, rig {rig}, seed {seed}", []).append(run)
    told: dict[Path, str] = {}
    for what, group in alike.items():
        drawn = [_drawn(run) if len(group) > 1 else {} for run in group]
        differ = sorted(key for key in {*chain(*drawn)} if len({repr(each.get(key)) for each in drawn}) > 1)
        for run, each in zip(group, drawn, strict=True):
            apart = "".join(f", {key} {each.get(key)}" for key in differ[:_MOST_APART])
            told[run.folder] = f"{run.folder}: {what}{apart}"
    return [told[run.folder] for run in there]


def _drawn(run: Run) -> dict[str, object]:
    """Town, parameters and weather of a run; nothing if it has lost them."""
    try:
        scenario = run.json("scenario.json")
    except StoreError:
        return {}
    found = {"town": scenario.get("town")}
    for key in ("parameters", "weather"):
        values = scenario.get(key)
        found |= values if isinstance(values, dict) else {}
    return found
