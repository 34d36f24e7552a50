"""`av-synth verify`: is a dataset true?"""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.errors import UserError
from av_synth.store import need_place
from av_synth.verify import check_place, write_report, write_text_report
from av_synth.verify import verify as verify_dataset


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    version: str | None = typer.Option(None, help="Its version folder, if there are several."),
    report: Path | None = typer.Option(
        None,
        help="A folder for report.json and index.html: errors by class, range and visibility, and the worst labels.",
    ),
    quarantine: bool = typer.Option(
        False, "--quarantine", help="Also write quarantine.json there: which scenes and annotations are unfit, and why."
    ),
) -> None:
    """Read a dataset from disk and check that it is well-formed and that its labels agree with its pixels and points.

    Ends with exit status 1 if anything is wrong, and says what and where.

    The dataset is never changed.

    Example: av-synth verify out/first/nuscenes --report out/first/truth --quarantine
    """
    if quarantine and report is None:
        raise UserError("--quarantine: want --report FOLDER too, the folder that quarantine.json goes to")
    if report is not None:
        check_place(dataset, report)
        need_place("--report", report, folder=True)
    with progress(f"verifying {dataset}", counted=False):
        found = verify_dataset(dataset, version)
        if report is not None:
            write_report(found, report, quarantine=quarantine)
    headline, *rest = write_text_report(found).splitlines()
    say(headline, "red" if found.problems else "green")
    for line in rest:
        say(line, "red" if line.startswith("FAILED") else None)
    if report is not None:
        say(f"report: {report / 'index.html'}")
    if found.problems:
        raise typer.Exit(1)
