"""A campaign from its beginning to its end: what is refused first, the plan, the workers, the driver, the dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from av_synth.errors import DocumentError, Problem, UserError
from av_synth.export import formats
from av_synth.export.dataset import export_dataset
from av_synth.farm.dispatch.budget import BudgetWatch
from av_synth.farm.dispatch.disk import need_folder
from av_synth.farm.dispatch.driver import DONE, PAUSED, QUARANTINED, Ended, drive
from av_synth.farm.estimate import most_bytes
from av_synth.farm.model import OnEvent, PlannedRun, Runner
from av_synth.farm.planning.campaign import Campaign
from av_synth.farm.planning.plan import FOLDER
from av_synth.farm.planning.recipes import Desk
from av_synth.farm.prepare import needs_of, planned, rules_of, setting_of, settings_here
from av_synth.farm.records import committed_runs
from av_synth.farm.records.journal import read_journal
from av_synth.farm.records.lease import ask_to_stop, refuse_driven
from av_synth.farm.records.quarantine import listed
from av_synth.farm.status.metrics import Metrics
from av_synth.farm.status.progress import Progress
from av_synth.farm.workers import orphans
from av_synth.farm.workers.local import LocalRunner
from av_synth.farm.workers.ray_farm import RayRunner, connected
from av_synth.launch.choose import is_at_address
from av_synth.launch.cores import CORE_COUNT
from av_synth.rig.loader import NO_RIG
from av_synth.run.spec import ShowStep


@dataclass(frozen=True)
class Orders:
    """What somebody wants of a campaign beside what its file says.

    Attributes:
        workers: how many; see `prepare.settings_here`.
        ray: the address of a Ray whose workers play; None for processes of this machine.
        export: whether a dataset is made at the end.
        commit_to: address that runs are committed to; None for what the store says.
        deep: whether every file of what is committed is read; see `drive`.
    """

    workers: int | None = None
    ray: str | None = None
    export: bool = True
    commit_to: str | None = None
    deep: bool = False


def conduct(
    asked: Campaign,
    out: Path,
    orders: Orders,
    step: ShowStep,
    shown: Callable[..., AbstractContextManager[OnEvent]],
    on_ended: Callable[[Ended], object],
) -> tuple[Ended, Path | None]:
    """Make all runs of a campaign, and a dataset of them if none remains; the same call goes on where another ended.

    Args:
        asked: as it was loaded.
        out: the store.
        orders: what else is wanted.
        step: shows planning and searches, then what is brought here and the export.
        shown: called with the campaign's name, a `Progress`, and as `also` who else is to be told; a context in which
            the runs are made, and that gives what `drive` tells its events to.
        on_ended: told how it ended, before anything is exported.

    Returns:
        How it ended, and the dataset; None if there is none.

    Raises:
        UserError: if what is asked cannot be. Nothing was played then.
        AvSynthError: as `prepare.planned`, `drive` and `export_dataset`.
    """
    form = refuse(asked, out, orders)
    refuse_driven(out)
    with step(f"planning {asked.document.name}") as on_planned:
        # first the searches, one after the other
        plan = planned(asked, out, on_planned, on_planned, orders.commit_to)
    ended = _play(asked, out, orders, plan.runs, shown)
    on_ended(ended)
    finished = ended.exit_code in (DONE, QUARANTINED)
    committed_runs.tidy(out, finished=finished)
    if form is None or not (finished and ended.committed):
        return ended, None
    committed_runs.bring(out, step)
    with step(f"exporting {out}", counted=False):
        return ended, Path(export_dataset(out, form=form))


def _need_address(address: str) -> None:
    """Refuse what runs cannot be committed to, as far as nobody need be asked.

    Raises:
        UserError: if it is no such address.
    """
    from av_synth.farm.records.object_store import ObjectStore

    if address.startswith("memory:"):
        reason = f"got {address!r}; want an address that all processes see, such as s3://bucket/folder"
        raise DocumentError([Problem("", "--commit-to", reason)])
    ObjectStore(address)


def refuse(asked: Campaign, out: Path, orders: Orders) -> str | None:
    """Refuse what cannot be, before anything is planned, or only looked at.

    Returns:
        The format of the dataset at the end; None if none is made.

    Raises:
        UserError: saying what is in the way.
    """
    if orders.commit_to is not None:
        _need_address(orders.commit_to)
    need_folder(out)
    if orders.deep and (where := orders.commit_to or committed_runs.address_of(out)):
        reason = f"the runs are at {where}; leave it out: `av-synth pull` compares the hashes of what it brings"
        raise DocumentError([Problem("", "--deep", reason)])
    form = _format(asked) if orders.export else None
    if form is not None:
        formats.refuse_place(form, out.resolve() / form)
    if orders.ray is None:
        settings_here(asked, out, orders.workers)
    elif is_at_address(asked.document.simulator):
        plays = f"the simulator at {asked.document.simulator} plays one run at a time"
        raise DocumentError([Problem("", "--ray", f"got {orders.ray!r}, and {plays}; leave it out")])
    return form


def _format(asked: Campaign) -> str | None:
    """What is exported at the end; None where nobody looks.

    Raises:
        DocumentError: if somebody looks at some runs only: a dataset is made of all runs of a store.
    """
    blind = [number for number, entry in enumerate(asked.document.runs) if entry.rig == NO_RIG]
    if not blind:
        return asked.document.format
    if len(blind) == len(asked.document.runs):
        return None
    reason = f"is {NO_RIG}, and others have sensors; want a campaign of its own, in another store, or --no-export"
    raise DocumentError([Problem(asked.lines[number], f"runs[{number}].rig", reason) for number in blind])


def _play(
    asked: Campaign,
    out: Path,
    orders: Orders,
    runs: Sequence[PlannedRun],
    shown: Callable[..., AbstractContextManager[OnEvent]],
) -> Ended:
    """Have all runs played that are left, as far as the budget goes."""
    history = read_journal(out)
    spending = BudgetWatch(asked.document.budget, history, lambda: ask_to_stop(out))
    so_far = Progress(runs, committed=sorted(committed_runs.ids(out)), quarantined=listed(out), history=history)
    if (why := spending.why_empty()) is not None and so_far.snapshot().remaining:
        raise UserError(f"{asked.path}: budget: {why}; want a larger one")
    rules = rules_of(asked, most_bytes(runs, Desk(out / FOLDER).rig))
    metrics = Metrics(out, so_far)
    also = (metrics.tell, spending.tell)
    with _runner(asked, out, orders, runs) as runner, shown(asked.document.name, so_far, also=also) as on_event:
        ended = drive(runs, out, runner, rules, on_event=on_event, on_beat=metrics.beat, deep=orders.deep)
    told = so_far.snapshot()
    ended = replace(ended, not_held=told.not_held, never_began=told.never_began)
    if (why := spending.why_empty()) is not None and ended.remaining:
        return replace(ended, exit_code=PAUSED, why=f"paused: {why}")
    return ended


@contextmanager
def _runner(asked: Campaign, out: Path, orders: Orders, runs: Sequence[PlannedRun]) -> Iterator[Runner]:
    """The workers: processes of this machine, or actors of a Ray."""
    orphans.mark()
    if orders.ray is None:
        settings = settings_here(asked, out, orders.workers)
        with closing(LocalRunner(settings[: max(1, len(runs))])) as local:
            yield local
        return
    with connected(orders.ray, max(CORE_COUNT, orders.workers or 0)):
        # Ray hands out one core a worker, and keeps nobody from more
        cluster = RayRunner(
            lambda slot: setting_of(asked, out, slot, render_threads=1), needs_of(asked), orders.workers
        )
        with closing(cluster):
            yield cluster
