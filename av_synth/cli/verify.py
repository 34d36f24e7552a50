"""`av-synth verify`: is a dataset true?"""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.verify import verify as verify_dataset
from av_synth.verify import write_text_report


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    version: str | None = typer.Option(None, help="Its version folder, if there are several."),
) -> None:
    """Read a dataset from disk and check that it is well-formed and that its labels agree with its pixels and points.

    Ends with exit status 1 if anything is wrong, and says what and where.

    Example: av-synth verify out/first/nuscenes
    """
    with progress(f"verifying {dataset}", counted=False):
        report = verify_dataset(dataset, version)
    headline, *rest = write_text_report(report).splitlines()
    say(headline, "red" if report.problems else "green")
    for line in rest:
        say(line, "red" if line.startswith("FAILED") else None)
    if report.problems:
        raise typer.Exit(1)
