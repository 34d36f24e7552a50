"""`av-synth export`: committed runs as a nuScenes dataset."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.export.nuscenes import parts
from av_synth.run.generate import export_dataset


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Path = typer.Argument(help="The folder that `av-synth run --out` wrote: its runs/ are exported."),
    dataset: Path | None = typer.Option(None, help="Where the dataset goes; OUT/nuscenes if not given."),
    profile: str = typer.Option(
        "native",
        help="native: scene-0001 and so on, the towns' own names, splits in splits.json. compat: scene names of the "
        "official train and val lists and the four official locations, for tools that know no others "
        "(mmdetection3d, OpenPCDet, trajdata, KITTI export, lidar segmentation evaluation, prediction).",
    ),
    version: str | None = typer.Option(
        None,
        help="Name of the folder of tables, v1.0-trainval or v1.0-mini. If not given: v1.0-trainval; with --profile "
        "compat v1.0-mini where its 2 val and 8 train scenes are enough.",
    ),
) -> None:
    """Fold all committed runs of a folder into one verified nuScenes dataset.

    The bytes do not depend on the order in which the runs were made. What was at the target is replaced in one step,
    if it is a dataset that av-synth wrote. Runs for which there are not enough scene names (835 scenes and four towns
    with --profile compat) make several datasets: DATASET/part-00, DATASET/part-01, ...

    Example: av-synth export out/first --dataset out/for_mmdet3d --profile compat
    """
    for part in parts(export_with_progress(out, dataset, profile, version)):
        say(f"dataset: {part} (verified)")


def export_with_progress(
    out: Path, dataset: Path | None = None, profile: str = "native", version: str | None = None
) -> Path:
    """Export, show that it goes on, and return the dataset."""
    with progress(f"exporting {out}", counted=False):
        return export_dataset(out, dataset, profile, version)
