"""`av-synth split`: which runs are for training and which for testing."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth import store
from av_synth.cli.output import progress, say, say_item
from av_synth.export.division import BY, DEFAULT_RATIO, divide, parse_ratio, refuse_place, write_splits
from av_synth.export.splits import read_splits
from av_synth.farm.records import committed_runs

_BY = "; ".join(f"{name}: {meaning}" for name, meaning in BY.items())


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("split")(split)


def split(
    out: Path = typer.Argument(metavar="STORE", help="A folder with runs/ in it."),
    ratio: str = typer.Option(DEFAULT_RATIO, help="Shares by split; names are free, and shares need not add up to 1."),
    by: str = typer.Option("draw", help=f"What is never divided. {_BY}."),
    seed: int = typer.Option(0, min=0, help="Another one gives another division."),
    keep: Path | None = typer.Option(None, help="A file of splits made before: its runs stay where they are."),
    file: Path | None = typer.Option(None, help="What to write; STORE/splits.json if not given."),
) -> None:
    """Divide the runs of a folder into train, val and test, and write a file for `av-synth export --splits`.

    Equal runs give equal splits, whatever their order. Each split gets one draw at least, so that three splits want
    runs of three seeds or scenarios. Use --keep when runs were added, so that nothing that was
    trained on becomes a test.

    Example: av-synth split out/both --ratio train=0.8,val=0.2 --by scenario
    """
    shares = parse_ratio(ratio)
    before = None if keep is None else read_splits(keep, "--keep")
    target = file or out / "splits.json"
    if file is not None or out.is_dir():  # a store that is not there is told as such
        refuse_place(target)
    committed_runs.bring(out, progress)
    runs = store.need_runs(out)
    division = divide(runs, shares, by, seed, before)
    write_splits(target, division, shares, seed)
    for name, members in division.splits.runs.items():
        groups = "" if by == "run" else f", {division.groups[name]} {by}{'' if division.groups[name] == 1 else 's'}"
        plural = "run" if len(members) == 1 else "runs"
        say_item(name, f"{len(members)} {plural} ({len(members) / len(runs):.0%}{groups})", max(map(len, shares)))
    say(f"splits: {target}")
    say(f"use them: av-synth export {out} --splits {target}")
