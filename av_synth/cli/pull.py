"""`av-synth pull`: runs that a campaign committed to an object store, brought to this machine."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.store import need_place


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pull")(pull)


def pull(
    address: str = typer.Argument(help="What `av-synth campaign --commit-to` was given, such as s3://bucket/folder."),
    out: Path = typer.Option(help="A folder; its runs/ will have the runs that are committed there."),
) -> None:
    """Bring the runs that a campaign has committed to an object store into a folder, for export and everything else.

    Every file is compared with its hash before its run is there, all of it at once. Runs that are there already are
    left alone, so the same command goes on where it was cut short, and later brings what has been committed meanwhile.
    Nothing is changed at the address. `av-synth export` of a campaign's own folder does this by itself.

    Example: av-synth pull s3://bucket/rain --out out/rain
    """
    from av_synth.farm.records import committed_runs

    need_place("--out", out, folder=True)
    with progress(f"bringing the runs of {address}") as on_run:
        brought, there = committed_runs.pull(out, on_run, address)
    say(f"runs in {out / 'runs'}: {brought} brought and compared with their hashes, {there} were there")
    say(f"write them as a dataset: av-synth export {out}")
