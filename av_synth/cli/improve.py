"""`av-synth improve`: data of what a detector lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from av_synth.cli.live import shown
from av_synth.cli.output import progress, say

if TYPE_CHECKING:
    from av_synth.improve import Round
    from av_synth.improve.record import SliceFigures

_MOST_TOLD = 8  # slices


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("improve")(improve)


def improve(
    model: str = typer.Option(help="module:Class of a detector (docs/how-to/improve.md), or YOLOX as an .onnx file."),
    store: Path = typer.Option(help="Where runs and rounds go. Runs that it has are the data to begin with."),
    budget: int = typer.Option(min=1, max=100_000, help="Runs of a batch."),
    rounds: int = typer.Option(1, min=0, max=99, help="Batches that are spent by what the detector lacks."),
    floor: float = typer.Option(
        0.2,
        min=0.0,
        max=1.0,
        help="Share of each batch that is drawn as the space has it, whatever the detector lacks.",
    ),
    space: str = typer.Option("streets", help="Name of a built-in space, or a path to a YAML file: what may be made."),
    held_out: Path | None = typer.Option(
        None, help="A dataset that is only ever graded on, a real one too; one of the space is made if left out."
    ),
    held_out_version: str | None = typer.Option(
        None, help="With --held-out: its version folder, if there are several."
    ),
    held_out_runs: int = typer.Option(
        2, min=1, max=1000, help="Without --held-out: runs of each scenario in each weather that are held out."
    ),
    seed: int = typer.Option(0, min=0, help="Equal seeds ask for equal runs."),
    workers: int | None = typer.Option(
        None, min=1, max=1024, help="Processes, each with a simulator of its own; as many as cores if left out."
    ),
) -> None:
    """Grade a detector, make data of what it lacks, have it learn, and grade it on what it has never seen.

    A round grades the detector on data it has not learnt from, by slices with confidence intervals, and spends a batch
    of runs on scenarios, weathers, light and parameters by how far slices may be below the whole. What was found and
    spent is in STORE/improve. However it ended, the same command goes on from there; with more rounds it adds some.

    Exit status: 0 it is done, 4 a campaign paused, 130 cancelled.

    Example: av-synth improve --model av_synth.improve.reference_torch:Reference --store out/better --budget 40
    """
    from av_synth import improve as improving  # pydantic models, which take a while to import
    from av_synth.improve.space import load as load_space

    asked = improving.Request(
        load_space(space), store, model, budget, rounds, floor, seed, held_out, held_out_runs, held_out_version
    )
    play = improving.on_farm(workers, progress, shown)
    came = improving.improve(improving.load(model), asked, play, progress, _tell)
    if came.exit_code:
        say(f"{came.why}; the same command goes on from there", "yellow")
        raise typer.Exit(came.exit_code)
    if len(came.rounds) > 1:
        _tell_change(came.rounds[0], came.rounds[-1])
    say(f"data: {store / 'nuscenes'}; what was found and spent: {store / 'improve'}")


def _tell(round_: Round) -> None:
    """What a round found, spent and came to."""
    say(f"round {round_.number}: {round_.runs} runs")
    if round_.graded is not None:
        lacking = [one for one in round_.graded.slices if one.may_lack > 0.0]
        more = "; may lack most:" if lacking else "; no slice is below it"
        say(f"  found on data not learnt from: {_figures(round_.graded.overall)}{more}")
        for one in lacking[:_MOST_TOLD]:
            say(f"    {_named(one)}: {_figures(one)}{' (fails)' * one.fails}")
    for spent in round_.spent:
        runs = f"{spent.by_share + spent.by_need} of {spent.scenario} in {spent.weather}"
        say(f"  {runs}, {spent.by_need} of them by need")
    if round_.held_out is not None:
        say(f"  held out: {_figures(round_.held_out.overall)}")


def _tell_change(before: Round, after: Round) -> None:
    if before.held_out is None or after.held_out is None:
        return
    say(f"held out, round {before.number} and round {after.number}:")
    known = {_named(one): one for one in before.held_out.slices}
    for one in sorted(after.held_out.slices, key=_named):
        say(f"  {_named(one)}: {_figures(known[_named(one)]) if _named(one) in known else 'nobody'} -> {_figures(one)}")


def _named(one: SliceFigures) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in one.values.items())


def _figures(one: SliceFigures) -> str:
    if one.recall is None or one.recall_low is None or one.recall_high is None:
        return "nobody to find"
    return f"recall {one.recall:.2f} ({one.recall_low:.2f} to {one.recall_high:.2f}) of {one.objects}"
