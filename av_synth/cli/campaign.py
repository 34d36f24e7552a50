"""`av-synth campaign`: a parameter sweep, a batch of edge cases: many runs, on many processes or machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from av_synth.cli.export import VERIFIED, bring, export_with_progress
from av_synth.cli.live import shown
from av_synth.cli.output import progress, say
from av_synth.errors import AvSynthError, DocumentError, Problem, UserError

if TYPE_CHECKING:
    from av_synth.farm.dispatch.driver import Ended
    from av_synth.farm.model import PlannedRun, Runner
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
    from av_synth.farm.planning import campaign as campaigns  # pydantic models, which take a while to import

    asked = campaigns.load(campaign)
    if price is not None and not dry_run:
        raise DocumentError([Problem("", "--price-per-core-hour", "is told with --dry-run only; leave it out")])
    if commit_to is not None:
        _check_address(commit_to)
    if dry_run:
        _tell_outlook(asked, out, workers, price)
        return
    raise typer.Exit(_play(asked, out, workers, ray, no_export, commit_to, deep))


def _check_address(address: str) -> None:
    """What cannot be is told before anything is planned."""
    from av_synth.farm.records.object_store import ObjectStore

    if address.startswith("memory:"):
        reason = f"got {address!r}; want an address that all processes see, such as s3://bucket/folder"
        raise DocumentError([Problem("", "--commit-to", reason)])
    ObjectStore(address)


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
    if found.over:
        reasons = [Problem(str(asked.path), "budget", f"{told}; want fewer runs, or more of it") for told in found.over]
        raise DocumentError([*found.problems, *reasons])
    if found.problems:
        raise DocumentError(found.problems)


def _play(
    asked: Campaign, out: Path, workers: int | None, ray: str | None, no_export: bool, commit_to: str | None, deep: bool
) -> int:
    from av_synth.export import formats
    from av_synth.export.dataset import DATASET
    from av_synth.farm.dispatch.budget import BudgetWatch
    from av_synth.farm.dispatch.disk import need_folder
    from av_synth.farm.dispatch.driver import DONE, QUARANTINED, drive
    from av_synth.farm.estimate import most_bytes
    from av_synth.farm.planning.plan import FOLDER
    from av_synth.farm.planning.recipes import Desk
    from av_synth.farm.prepare import planned, rules_of, settings_here
    from av_synth.farm.records import committed_runs
    from av_synth.farm.records.journal import read_journal
    from av_synth.farm.records.lease import ask_to_stop, refuse_driven
    from av_synth.farm.records.quarantine import listed
    from av_synth.farm.status.metrics import Metrics
    from av_synth.farm.status.progress import Progress
    from av_synth.launch.choose import is_at_address
    from av_synth.report.campaign import write_campaign_report

    need_folder(out)
    refuse_driven(out)
    if deep and (commit_to or committed_runs.address_of(out)):
        where = commit_to or committed_runs.address_of(out)
        reason = f"the runs are at {where}; leave it out: `av-synth pull` compares the hashes of what it brings"
        raise DocumentError([Problem("", "--deep", reason)])
    form = None if no_export else _format(asked)
    if form is not None:
        formats.refuse_place(form, out.resolve() / form)
    if ray is None:
        settings_here(asked, out, workers)  # what cannot be is told before anything is planned
    elif is_at_address(asked.document.simulator):
        reason = f"got {ray!r}, and the simulator at {asked.document.simulator} plays one run at a time; leave it out"
        raise DocumentError([Problem("", "--ray", reason)])
    with progress(f"planning {asked.document.name}") as on_planned:
        plan = planned(asked, out, on_planned, on_planned, commit_to)  # first the searches, one after the other
    history = read_journal(out)
    spending = BudgetWatch(asked.document.budget, history, lambda: ask_to_stop(out))
    so_far = Progress(plan.runs, committed=sorted(committed_runs.ids(out)), quarantined=listed(out), history=history)
    if (why := spending.why_empty()) is not None and so_far.snapshot().remaining:
        raise UserError(f"{asked.path}: budget: {why}; want a larger one")
    rules = rules_of(asked, most_bytes(plan.runs, Desk(out / FOLDER).rig))
    metrics = Metrics(out, so_far)
    also = (metrics.tell, spending.tell)
    with (
        _runner(asked, out, workers, ray, plan.runs) as runner,
        shown(asked.document.name, so_far, also=also) as on_event,
    ):
        ended = drive(plan.runs, out, runner, rules, on_event=on_event, on_beat=metrics.beat, deep=deep)
    code = _say_end(ended, out, spending.why_empty())
    finished = code in (DONE, QUARANTINED)
    exports = finished and ended.committed and form is not None
    if committed_runs.address_of(out):
        committed_runs.tidy(out, finished=finished)
        if exports:
            bring(out)
    if exports and form is not None:
        say(f"dataset: {export_with_progress(out, form)}{VERIFIED if form == DATASET else ''}")
    try:
        say(f"report: {write_campaign_report(out)}")
    except AvSynthError as error:  # how the campaign ended decides the exit status; the page is only for looking at
        say(f"no report: {error}", "yellow")
    return code


def _say_end(ended: Ended, out: Path, spent: str | None) -> int:
    """How it ended, what is kept, and how to go on; `spent` is why the budget is empty. Returns the exit status."""
    from av_synth.farm.dispatch.driver import CANCELLED, INTERRUPTED_TWICE, PAUSED
    from av_synth.farm.records import committed_runs

    where = committed_runs.address_of(out) or str(out)
    say(f"{ended.committed} committed, {ended.quarantined} in quarantine, {ended.remaining} remaining: {where}")
    if ended.quarantined:
        say(f"next: av-synth retry {out}: what is in quarantine is to be made again; av-synth status {out} says why")
    if spent is not None and ended.remaining:
        say(f"paused: {spent}", "yellow")
        return PAUSED
    if ended.exit_code == CANCELLED:
        kept = "what was being played has ended, and is kept"
        if ended.why == INTERRUPTED_TWICE:
            kept = "what was being played was cut short, and nothing half-made is kept"
        why = ended.why.partition(":")[0]
        say(f"{why}: {kept}; the same command goes on from there", "yellow")
    elif ended.why:
        say(ended.why, "yellow")
    return ended.exit_code


def _format(asked: Campaign) -> str | None:
    """What is exported at the end; None where nobody looks.

    Raises:
        DocumentError: if somebody looks at some runs only: a dataset is made of all runs of a store.
    """
    from av_synth.rig.loader import NO_RIG

    blind = [number for number, entry in enumerate(asked.document.runs) if entry.rig == NO_RIG]
    if not blind:
        return asked.document.format
    if len(blind) == len(asked.document.runs):
        return None
    reason = f"is {NO_RIG}, and others have sensors; want a campaign of its own, in another store, or --no-export"
    raise DocumentError([Problem(asked.lines[number], f"runs[{number}].rig", reason) for number in blind])


@contextmanager
def _runner(
    asked: Campaign, out: Path, workers: int | None, ray: str | None, runs: Sequence[PlannedRun]
) -> Iterator[Runner]:
    """The workers: processes of this machine, or actors of a Ray."""
    from av_synth.farm.prepare import needs_of, setting_of, settings_here
    from av_synth.farm.workers import orphans
    from av_synth.launch.cores import CORE_COUNT

    orphans.mark()
    if ray is None:
        from av_synth.farm.workers.local import LocalRunner

        settings = settings_here(asked, out, workers)
        local = LocalRunner(settings[: max(1, len(runs))])
        try:
            yield local
        finally:
            local.close()
        return
    from av_synth.farm.workers.ray_farm import RayRunner, connected

    with connected(ray, max(CORE_COUNT, workers or 0)):
        # Ray hands out one core a worker, and keeps nobody from more
        cluster = RayRunner(lambda slot: setting_of(asked, out, slot, render_threads=1), needs_of(asked), workers)
        try:
            yield cluster
        finally:
            cluster.close()
