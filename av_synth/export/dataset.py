"""The dataset of a store: all its committed runs in one format; one in nuScenes format is verified first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from av_synth import store
from av_synth.errors import DataError
from av_synth.export import formats, nuscenes, remote
from av_synth.export.splits import read_splits
from av_synth.store.addresses import is_address, open_address
from av_synth.store.runs import STAGING
from av_synth.verify import verify

DATASET = "nuscenes"


def refuse_dataset(out: Path) -> None:
    """Raise UserError if the dataset of a store may not be replaced; better asked before anything is played."""
    formats.refuse_place(DATASET, Path(out).resolve() / DATASET)


def export_dataset(
    out: Path,
    dataset: Path | str | None = None,
    form: str = DATASET,
    options: Mapping[str, str] | None = None,
    splits: Path | None = None,
) -> Path | str:
    """Fold every committed run under `<out>/runs/` into one dataset; one in nuScenes format is verified.

    Args:
        out: the store.
        dataset: where it goes, a path or an fsspec address; `<out>/<form>` if None. What was there is replaced when the
            new one has been checked: at a path in one step, at an address file by file, with a marker last.
        form: the name of a format.
        options: options of the format, as text.
        splits: a file that `av-synth split` wrote.

    Returns:
        The path, resolved, or the address.

    Raises:
        UserError: if there is no run, or what is asked cannot be; nothing was written.
        DataError: if the new dataset does not verify; the old one stays.
        StoreError: if a run cannot be read.
    """
    formats.load(form)  # a wrong name is told first
    runs = store.need_runs(out)
    check = check_dataset if form == DATASET else None
    told = None if splits is None else read_splits(splits)
    if not isinstance(dataset, str) or not is_address(dataset):
        return formats.export(form, runs, Path(dataset or out / form), options, told, check)
    place = open_address(dataset)
    remote.refuse_foreign(place, form)
    # on the disk of the runs, so that what is only copied takes no space
    store.clear_scratch(out / STAGING, "upload")
    with store.scratch(out / STAGING, "upload") as folder:
        remote.upload(formats.export(form, runs, folder / form, options, told, check), place, form)
    return dataset


def check_dataset(dataset: Path) -> None:
    """Verify a nuScenes dataset, or each of the parts that an export made of it.

    Raises:
        DataError: listing what is wrong where.
    """
    for part in nuscenes.parts(dataset):
        report = verify(part)
        if report.problems:
            which = "" if part == dataset else f"{part.name} of "
            told = f"{which}the dataset does not verify, and was not written; its runs are as they were"
            raise DataError(f"{told}:\n{report}")
