"""What a campaign needs before its driver: a plan in its store, settings of workers, or an outlook on what it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from av_synth.errors import DocumentError, Problem
from av_synth.farm.dispatch.budget import BudgetWatch
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.estimate import Estimate, estimate, trials
from av_synth.farm.model import Event, WorkerSetting
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import Campaign, laid_out, searched
from av_synth.farm.planning.plan import Plan
from av_synth.farm.records import committed_runs
from av_synth.farm.records.journal import read_journal
from av_synth.farm.workers.player import at_simulator
from av_synth.farm.workers.ray_worker import CARLA_NEEDS, EMBEDDED_NEEDS, Needs
from av_synth.launch import Address
from av_synth.launch.carla_spec import parse_carla, spec_from
from av_synth.launch.choose import is_at_address, is_embedded
from av_synth.launch.cores import CORE_COUNT, CORES
from av_synth.run.attempt import logs
from av_synth.run.spec import Progress

if TYPE_CHECKING:
    from av_synth.farm.records.object_store import ObjectStore

_BEYOND_READY_S = 60.0  # an attempt may be silent so much longer than a CARLA may take to its first tick
PLAYER = "av_synth.farm.workers.player:open_player"


def planned(
    campaign: Campaign,
    store: Path,
    on_planned: Progress = lambda *_: None,
    on_accepted: Progress = lambda *_: None,
    commit_to: str | None = None,
) -> Plan:
    """The plan of a campaign in its store; it is made, and what is to be searched for is searched, if there is none.

    Args:
        campaign: as it was loaded.
        store: made if it is not there.
        on_planned: told (runs planned, runs in all).
        on_accepted: told (draws accepted, draws wanted) of each search.
        commit_to: address that runs are committed to; None for what the store says. A plan that is there is taken.

    Raises:
        UserError: if the store, or the address, has the plan of something else, or runs cannot be drawn or cast; names
            all of them.
        SimulatorError: if the simulator fails.
        UnreachableError: if nobody answers at the address.
    """
    object_store = committed_runs.agree(store, commit_to)
    plan = _planned(campaign, store, on_planned, on_accepted, object_store)
    if object_store is not None:
        object_store.freeze(store / plans.FOLDER)
    return plan


def _planned(
    campaign: Campaign, store: Path, on_planned: Progress, on_accepted: Progress, object_store: ObjectStore | None
) -> Plan:
    if plans.is_planned(store) or (object_store is not None and object_store.fetch_plan(store)):
        plans.refuse_changes(campaign, store)
        return plans.read(store)
    logs(store).mkdir(parents=True, exist_ok=True)
    with at_simulator(campaign.document.simulator, logs(store) / "simulator.log") as address:
        if campaign.to_search:
            asked = campaign.document.simulator
            simulator = asked if isinstance(asked, str) else str(address)
            campaign = searched(campaign, store / "searches", simulator, on_accepted)
        plan = plans.make(campaign, address, logs(store) / "plan.log", on_planned)
    plans.freeze(plan, campaign, store)
    return plan


@dataclass(frozen=True)
class Outlook:
    """What a campaign would be.

    Attributes:
        plan: the runs that can be played; those to be searched for are not among them.
        problems: what cannot be drawn or cast, by entry.
        estimate: of what is left to be made.
        over: what of its budget it would exceed, in words.
    """

    plan: Plan
    problems: tuple[Problem, ...]
    estimate: Estimate
    over: tuple[str, ...]


def outlook(campaign: Campaign, store: Path, on_planned: Progress = lambda *_: None) -> Outlook:
    """Look at what a campaign would be and take; nothing is written but to a temporary folder.

    Args:
        campaign: as it was loaded.
        store: where it would go, or has begun to.
        on_planned: told (runs planned, runs in all).

    Raises:
        UserError: if the store has the plan of something else.
        SimulatorError: if the simulator fails.
    """
    problems: list[Problem] = []
    history: Sequence[Event] = ()
    with tempfile.TemporaryDirectory(prefix="av_synth-outlook-") as name, ExitStack() as opened:
        folder = Path(name)

        @cache
        def simulator() -> Address:
            return opened.enter_context(at_simulator(campaign.document.simulator, folder / "simulator.log"))

        if plans.is_planned(store):
            plans.refuse_changes(campaign, store)
            plan, files = plans.read(store), store / plans.FOLDER
            done = committed_runs.ids(store)
            history = read_journal(store)
            found = estimate(plan.runs, history, done, trials(files, simulator, folder))
        else:
            plan, problems = plans.look(campaign, simulator(), folder / "plan.log", on_planned)
            with laid_out(campaign) as files:
                found = estimate(plan.runs, (), frozenset(), trials(files, simulator, folder))
    return Outlook(plan, tuple(problems), found, tuple(_over(campaign, found, history)))


def _over(campaign: Campaign, found: Estimate, history: Iterable[Event]) -> Iterator[str]:
    """What is spent and what is left to be made, where both come to more than the budget."""
    budget = campaign.document.budget
    spent = BudgetWatch(budget, history, lambda: None)
    kinds = (
        ("core-hours", spent.core_hours, found.core_hours, budget.core_hours),
        ("GB", spent.gigabytes, found.total.bytes / 1e9, budget.gigabytes),
    )
    for unit, before, to_come, most in kinds:
        if most is not None and to_come and before + to_come > most:
            already = f" ({before:.3g} of them spent)" if before else ""
            yield f"{before + to_come:.3g} {unit}{already}, the budget is {most:g}"


def settings_here(campaign: Campaign, store: Path, workers: int | None) -> list[WorkerSetting]:
    """Settings of workers on this machine, each with cores of its own as far as there are enough.

    A client and its simulator take turns, and on one core they hand over to each other in less time than on two.

    Args:
        campaign: whose runs they play.
        store: where these go.
        workers: how many; as many as cores if None, but one where the simulator is not the embedded one.

    Raises:
        DocumentError: if more are asked for than the simulator allows.
    """
    simulator = campaign.document.simulator
    own = is_embedded(simulator)
    if is_at_address(simulator) and workers is not None and workers > 1:
        reason = f"got {workers}; want 1, because the simulator at {simulator} plays one run at a time"
        raise DocumentError([Problem("", "--workers", reason)])
    count = workers or (CORE_COUNT if own else 1)
    shares = [CORES[slot % len(CORES) :: count] if CORES and own else () for slot in range(count)]
    return [setting_of(campaign, store, slot, share) for slot, share in enumerate(shares)]


def needs_of(campaign: Campaign) -> Needs:
    """What a worker of a campaign takes of a machine of a cluster."""
    return EMBEDDED_NEEDS if is_embedded(campaign.document.simulator) else CARLA_NEEDS


def rules_of(campaign: Campaign, run_bytes: int) -> Rules:
    """How failures of a campaign are judged: its simulator is waited for as long as it may take, and a minute more.

    Args:
        campaign: whose runs are played.
        run_bytes: see `Rules`.
    """
    simulator, rules = campaign.document.simulator, Rules(run_bytes=run_bytes)
    if is_embedded(simulator) or is_at_address(simulator):
        return rules
    spec = parse_carla(simulator) if isinstance(simulator, str) else spec_from(simulator)
    begin_s = max(rules.patience.begin_s, spec.ready_s + _BEYOND_READY_S)
    return replace(rules, patience=replace(rules.patience, begin_s=begin_s))


def setting_of(
    campaign: Campaign, store: Path, slot: int, cores: tuple[int, ...] = (), render_threads: int | None = None
) -> WorkerSetting:
    """What a worker is started with: a player of this campaign, and a folder for its logs.

    Args:
        campaign: whose runs it plays.
        store: where these go.
        slot: its number.
        cores: what it may run on; empty: anything.
        render_threads: of an embedded simulator; as many as it has cores if None.
    """
    store = store.resolve()
    options = campaign.options | ({} if render_threads is None else {"render_threads": render_threads})
    object_store = committed_runs.address_of(store)
    return WorkerSetting(store, slot, PLAYER, options, logs(store) / f"worker-{slot}", cores, object_store)
