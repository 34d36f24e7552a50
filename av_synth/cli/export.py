"""`av-synth export`: committed runs as a nuScenes dataset."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.run.generate import export_dataset


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Path = typer.Argument(help="The folder that `av-synth run --out` wrote: its runs/ are exported."),
    dataset: Path | None = typer.Option(None, help="Where the dataset goes; OUT/nuscenes if not given."),
) -> None:
    """Fold all committed runs of a folder into one verified nuScenes dataset.

    The bytes do not depend on the order in which the runs were made. What was at the target is replaced in one step,
    if it is a dataset that av-synth wrote.

    Example: av-synth export out/first --dataset out/first_dataset
    """
    say(f"dataset: {export_with_progress(out, dataset)} (verified)")


def export_with_progress(out: Path, dataset: Path | None = None) -> Path:
    """Export, show that it goes on, and return the dataset."""
    with progress(f"exporting {out}", counted=False):
        return export_dataset(out, dataset)
