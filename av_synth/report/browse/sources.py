"""What a path that somebody wants to look at is: a store, a run or a dataset."""

from __future__ import annotations

from pathlib import Path

from av_synth import store
from av_synth.errors import StoreError, UserError
from av_synth.report.browse.model import Source
from av_synth.report.browse.of_datasets import DatasetSource
from av_synth.report.browse.of_runs import RunsSource

_MOST_TOLD = 12  # stores in a folder
_WANT = (
    "want a folder with runs/ in it, as `av-synth run --out` wrote, one of its runs, "
    "or a nuScenes dataset, which has a folder such as v1.0-trainval"
)


def open_source(path: Path, version: str | None = None) -> Source:
    """Open what is to be looked at.

    Args:
        path: of a store, a committed run or a dataset.
        version: of a dataset that has several.

    Raises:
        UserError: if it is nothing of these, or nothing that can be read.
    """
    if not path.is_dir():
        raise UserError(f"{path}: {'is no folder' if path.exists() else 'there is no such folder'}; {_WANT}")
    try:
        if (path / "manifest.json").is_file():
            run = store.open_run(path)
            return RunsSource(f"{run.manifest.get('scenario', '')} {run.run_id}", "run", {run.run_id: path})
        found = store.runs(path)
        if found:
            return RunsSource(path.resolve().name, "store", {directory.name: directory for directory in found})
        if version is not None or any(path.glob("*/sample.json")):
            return DatasetSource(path, version)
    except StoreError as error:
        raise UserError(str(error)) from error
    raise UserError(f"{path}: {_mistaken(path)}; {_WANT}")


def _mistaken(path: Path) -> str:
    if (path / "sample.json").is_file():
        return f"holds the tables of a dataset, whose root is {path.parent}"
    if path.name == "runs" and store.runs(path.parent):
        return f"holds the runs of a store, which is {path.parent}"
    if not any(path.iterdir()):
        return "is empty"
    if stores := store.stores_in(path):
        more = f" and {len(stores) - _MOST_TOLD} more" if len(stores) > _MOST_TOLD else ""
        return f"holds stores, to be looked at one by one: {', '.join(map(str, stores[:_MOST_TOLD]))}{more}"
    if (path / "runs").is_dir():
        return "has no committed run"
    if (path / "tables").is_dir():
        return "looks like a run that has lost its manifest.json"
    return "is something else"
