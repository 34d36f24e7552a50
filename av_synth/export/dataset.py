"""The dataset of a store: all its committed runs in one format; one in nuScenes format is verified first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from av_synth import store
from av_synth.errors import DataError, UserError
from av_synth.export import formats, nuscenes, remote
from av_synth.export.splits import read_splits
from av_synth.store.addresses import is_address, open_address
from av_synth.store.runs import STAGING
from av_synth.verify import VerifyReport, verify

DATASET = "nuscenes"


def refuse_dataset(out: Path) -> None:
    """Raise UserError if the dataset of a store may not be replaced; better asked before anything is played."""
    formats.refuse_place(DATASET, out.resolve() / DATASET)


def export_dataset(
    out: Path,
    dataset: Path | str | None = None,
    form: str = DATASET,
    options: Mapping[str, str] | None = None,
    splits: Path | None = None,
    leave_out: Sequence[str] = (),
) -> Path | str:
    """Fold the committed runs under `<out>/runs/` into one dataset; one in nuScenes format is verified.

    Args:
        out: the store.
        dataset: where it goes, a path or an fsspec address; `<out>/<form>` if None. What was there is replaced when the
            new one has been checked: at a path in one step, at an address file by file, with a marker last.
        form: the name of a format.
        options: options of the format, as text.
        splits: a file that `av-synth split` wrote; runs of it that are left out are nobody's mistake.
        leave_out: ids of runs that are not taken, or the first digits of each.

    Returns:
        The path, resolved, or the address.

    Raises:
        UserError: if there is no run, or what is asked cannot be; nothing was written.
        DataError: if the new dataset does not verify; the old one stays.
        StoreError: if a run cannot be read.
    """
    formats.load(form)  # a wrong name is told first
    there = store.need_runs(out)
    runs = _without(there, leave_out)
    check = check_dataset if form == DATASET else None
    told = None if splits is None else read_splits(splits).without({run.name for run in {*there}.difference(runs)})
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
            raise DataError(f"{told}{_told(part, report)}")


def _without(runs: Sequence[Path], leave_out: Sequence[str]) -> list[Path]:
    """The runs that are left.

    Raises:
        UserError: naming what is no run, or is several; or if none is left.
    """
    gone: set[Path] = set()
    for text in leave_out:
        found = [run for run in runs if run.name.startswith(text)]
        if len(found) != 1:
            what = "is how several begin" if found else "is none of them"
            raise UserError(f"--leave-out: got {text!r}; {what}; want the id of a run, such as {runs[0].name}")
        gone.update(found)
    if len(gone) == len(runs):
        raise UserError(f"--leave-out: that is all {len(runs)} runs; want one that stays")
    return [run for run in runs if run not in gone]


def _told(part: Path, report: VerifyReport) -> str:
    """Which runs it is, how to go on without them, and the findings, with whom they are of."""

    def rows(table: str) -> Any:
        return json.loads((part / report.version / f"{table}.json").read_text(encoding="utf-8"))

    run_ids = {run["scene"]: run["run_id"] for run in rows("av_synth")["runs"]}
    roles = {row["instance_token"]: row["role"] for row in rows("instance_actor")}
    who = {row["token"]: roles[row["instance_token"]] for row in rows("sample_annotation")}
    problems = []
    for found in report.problems:
        whose = (who.get(found.annotation, ""), f"run {run_ids[found.scene]}" if found.scene in run_ids else "")
        named = " of ".join(filter(None, whose))
        problems.append(replace(found, message=f"{found.message} ({named})" if named else found.message))
    untrue = sorted({run_ids[found.scene] for found in report.unfit if found.scene in run_ids})
    listed = f"{replace(report, problems=tuple(problems))}"
    if not untrue:
        return f":\n{listed}"
    without = " ".join(f"--leave-out {run_id}" for run_id in untrue)
    return f":\n{listed}\nfound of {len(untrue)} of {len(run_ids)} runs; `av-synth export STORE {without}` goes without"
