"""`av-synth merge`: folders of runs joined into one."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.farm.records import committed_runs
from av_synth.store.merge import merge as merge_stores


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("merge")(merge)


def merge(
    folders: list[Path] = typer.Argument(metavar="STORE", help="Folders that `av-synth run --out` wrote."),
    out: Path = typer.Option(help="The new folder; its runs/ will have the runs of all of them."),
) -> None:
    """Join the runs of several folders, of several machines say, in a new one.

    Every run is read and compared with its hashes. The files are hard links where the file system can make them, so
    that nothing takes its space twice. A run that is in several folders counts once, and must be the same in all.

    Example: av-synth merge out/monday out/tuesday --out out/both
    """
    for folder in folders:
        committed_runs.bring(folder, progress)
    with progress("merging") as on_run:
        merged = merge_stores(folders, out, on_run)
    doubled = f" ({merged.doubled} of them in several folders)" if merged.doubled else ""
    say(f"runs: {merged.runs}{doubled} in {merged.root / 'runs'} (verified)")
    say(f"write them as a dataset: av-synth export {out}")
