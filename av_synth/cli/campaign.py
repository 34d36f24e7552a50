"""`av-synth campaign`: a parameter sweep, a batch of edge cases: many runs, on many processes or machines."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from av_synth.cli.export import say_dataset
from av_synth.cli.live import shown
from av_synth.cli.output import progress, say
from av_synth.errors import AvSynthError, DocumentError, Problem

if TYPE_CHECKING:
    from av_synth.farm.conduct import Orders
    from av_synth.farm.dispatch.driver import Ended
    from av_synth.farm.planning.campaign import Campaign


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("campaign")(campaign)


def campaign(
    campaign: str = typer.Argument(
        help="Name of a built-in campaign, or a path to a YAML file (docs/how-to/campaigns.md)."
    ),
    out: Path = typer.Option(help="The store: plan, runs and the dataset. The same command goes on with it."),
    workers: int | None = typer.Option(
        None, min=1, max=1024, help="Processes, each with a simulator of its own; as many as cores if left out."
    ),
    ray: str | None = typer.Option(
        None, help="Workers of a Ray cluster instead: local, auto, HOST:PORT or ray://HOST:PORT."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Only say how many runs it is, what cannot be cast, and what it will take."
    ),
    price: float | None = typer.Option(
        None, "--price-per-core-hour", min=0.0, help="With --dry-run: what an hour of one core costs."
    ),
    no_export: bool = typer.Option(False, "--no-export", help="Make no dataset at the end."),
    commit_to: str | None = typer.Option(
        None,
        help="An fsspec address, s3://bucket/folder or gs://bucket/folder, that runs are committed to, not to --out: "
        "for machines that share no folder (docs/how-to/object-stores.md).",
    ),
    deep: bool = typer.Option(
        False, "--deep", help="Read every file of runs that are there already, and compare its hash."
    ),
) -> None:
    """Make all runs of a campaign (a parameter sweep), whatever dies meanwhile, and a dataset of them.

    What is played is planned first and does not change after that. Ctrl-C once lets end what is being played, twice
    ends at once; the same command goes on from there. `av-synth status STORE` tells how far it is.

    Runs that are there already and are damaged (no manifest, a missing file, a table or document of another size) are
    kept in STORE/quarantine/.released, and made again. With --deep so are those with any byte that is not what it was.

    Exit status: 0 all committed, 3 finished but for runs in quarantine, 4 paused, 130 cancelled.

    Example: av-synth campaign rain_sweep --out out/rain --workers 4
    """
    from av_synth.farm.conduct import Orders, refuse  # pydantic models, which take a while to import
    from av_synth.farm.planning import campaign as campaigns

    asked = campaigns.load(campaign)
    if price is not None and not dry_run:
        raise DocumentError([Problem("", "--price-per-core-hour", "is told with --dry-run only; leave it out")])
    orders = Orders(workers, ray, not no_export, commit_to, deep)
    if dry_run:
        refuse(asked, out, orders)
        _tell_outlook(asked, out, workers, price)
        return
    raise typer.Exit(_make(asked, out, orders))


def _tell_outlook(asked: Campaign, out: Path, workers: int | None, price: float | None) -> None:
    from av_synth.farm.planning.plan import is_planned
    from av_synth.farm.prepare import outlook, settings_here
    from av_synth.farm.status import words
    from av_synth.launch.cores import CORE_COUNT

    count = len(settings_here(asked, out, workers))
    with progress(f"looking at {asked.document.name}") as on_planned:
        found = outlook(asked, out, on_planned)
    took = found.estimate
    for note in asked.notes:
        say(note, "yellow")
    towns = ", ".join(sorted({run.town for run in found.plan.runs}))
    runs = f"{len(found.plan.runs)} runs in {towns or 'no town'}"
    say(f"{asked.document.name}: {runs}, {took.runs} of them yet to be made")
    if asked.to_search and not is_planned(out):
        say(f"  and {asked.to_search} to be searched for first, which the figures below leave out")
    say(f"  {took.core_hours:.3g} core-hours, {words.size(took.total.bytes)}")
    say(
        f"  {words.duration(took.wall_s(count, CORE_COUNT))} with {count} workers on {CORE_COUNT} cores of this machine"
    )
    if price is not None:
        say(f"  {took.core_hours * price:.3g} at {price:g} a core-hour")
    say(f"  measured by {took.how}")
    over = [Problem(str(asked.path), "budget", f"{told}; want fewer runs, or more of it") for told in found.over]
    if wrong := [*found.problems, *over]:
        raise DocumentError(wrong)


def _make(asked: Campaign, out: Path, orders: Orders) -> int:
    """Show how it goes on, and say what came of it. Returns the exit status."""
    from av_synth.farm.conduct import conduct
    from av_synth.report.campaign import write_campaign_report

    ended, dataset = conduct(asked, out, orders, progress, shown, partial(_say_end, out))
    if dataset is not None:
        say_dataset(dataset, asked.document.format)
    try:
        say(f"report: {write_campaign_report(out)}")
    except AvSynthError as error:  # how the campaign ended decides the exit status; the page is only for looking at
        say(f"no report: {error}", "yellow")
    return ended.exit_code


def _say_end(out: Path, ended: Ended) -> None:
    """How it ended, what is kept, and how to go on."""
    from av_synth.farm.dispatch.driver import CANCELLED, INTERRUPTED_TWICE
    from av_synth.farm.records import committed_runs

    where = committed_runs.address_of(out) or out
    say(f"{ended.committed} committed, {ended.quarantined} in quarantine, {ended.remaining} remaining: {where}")
    if ended.not_held:
        say(f"  of those committed, {ended.not_held} with expectations that did not hold", "yellow")
    if ended.never_began:
        say(f"  of those committed, {ended.never_began} with events that never began", "yellow")
    if ended.quarantined:
        say(f"next: av-synth retry {out}: what is in quarantine is to be made again; av-synth status {out} says why")
    if ended.exit_code == CANCELLED:
        kept = "what was being played has ended, and is kept"
        if ended.why == INTERRUPTED_TWICE:
            kept = "what was being played was cut short, and nothing half-made is kept"
        why = ended.why.partition(":")[0]
        say(f"{why}: {kept}; the same command goes on from there", "yellow")
    elif ended.why:
        say(ended.why, "yellow")
