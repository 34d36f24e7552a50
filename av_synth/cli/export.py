"""`av-synth export`: committed runs as a dataset in one of many formats."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.options import pairs
from av_synth.cli.output import progress, say
from av_synth.errors import UserError
from av_synth.export.dataset import DATASET, export_dataset
from av_synth.export.nuscenes import parts
from av_synth.farm.records import committed_runs


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Path = typer.Argument(
        metavar="STORE", help="The folder that `av-synth run --out` wrote: its runs/ are exported."
    ),
    form: str = typer.Option(DATASET, "--format", help="What to write; `av-synth formats` lists them."),
    dataset: str | None = typer.Option(
        None,
        help="Where it goes: a folder, or an fsspec address like s3://bucket/folder; STORE/<format> if not given.",
    ),
    splits: Path | None = typer.Option(None, help="A file that `av-synth split` wrote."),
    leave_out: list[str] = typer.Option(
        [], metavar="RUN", help="A run that is not taken: its id, or the first digits of it; may be repeated."
    ),
    profile: str | None = typer.Option(
        None,
        help="Of nuScenes. native, if not given: scene-0001 and so on, the towns' own names, splits in splits.json. "
        "compat: scene names of the official train and val lists and the four official locations, for tools that know "
        "no others (mmdetection3d, OpenPCDet, trajdata, KITTI export, lidar segmentation evaluation, prediction).",
    ),
    version: str | None = typer.Option(
        None,
        help="Of nuScenes: name of the folder of tables, v1.0-trainval or v1.0-mini. If not given: v1.0-trainval; with "
        "--profile compat v1.0-mini where its 2 val and 8 train scenes are enough.",
    ),
    option: list[str] = typer.Option(
        [], "--option", metavar="NAME=VALUE", help="An option of the format; may be repeated."
    ),
) -> None:
    """Fold the committed runs of a folder into one dataset: nuScenes, or any format that `av-synth formats` lists.

    Runs that `av-synth campaign --commit-to` committed to an address are brought to STORE first.

    The bytes do not depend on the order in which the runs were made. What was at the target is replaced in one step,
    if it is a dataset of that format that av-synth wrote and no other file is in it. A nuScenes dataset is verified
    first. At an address the files are uploaded one by one, and _av_synth_complete.json comes last. Runs for which there
    are not enough scene names (835 scenes and four towns with --profile compat) make several datasets:
    DATASET/part-00, DATASET/part-01, ...

    Examples: av-synth export out/first --profile compat --dataset out/for_mmdet3d

    av-synth export out/first --format kitti --dataset out/first_kitti
    """
    options = pairs(option, "--option")
    for name, value in (("profile", profile), ("version", version)):
        if value is None:
            continue
        if form != DATASET:
            raise UserError(f"--{name}: is of the format {DATASET} only; leave it out with --format {form}")
        if name in options:
            raise UserError(f"--{name}: is given with --option too; leave one out")
        options[name] = value
    committed_runs.bring(out, progress)
    with progress(f"exporting {out}", counted=False):
        written = export_dataset(out, dataset, form, options, splits, leave_out)
    for each in parts(written) if form == DATASET and isinstance(written, Path) else [written]:
        say_dataset(each, form)


def say_dataset(dataset: Path | str, form: str = DATASET) -> None:
    """Say where a dataset is; one in nuScenes format has been verified before it was put there."""
    say(f"dataset: {dataset}{' (verified)' if form == DATASET else ''}")
