"""What a farm costs: campaigns of one and of all cores' workers beside the same runs played one after the other."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from av_synth.farm.dispatch.driver import drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import Advanced
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import Campaign, load
from av_synth.farm.planning.recipes import Desk
from av_synth.farm.prepare import planned, settings_here
from av_synth.farm.workers.local import LocalRunner
from av_synth.launch import launch_embedded
from av_synth.launch.cores import CORES
from av_synth.run.attempt import attempt

RUNS_A_CORE = 6
CAMPAIGN = """
name: bench
description: Runs of one town and one rig.
runs: [{{scenario: cut_in_wet, rig: tiny, seeds: {{from: 0, count: {count}}}}}]
"""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on one core, as what a worker starts does."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def alone_s(campaign: Campaign, root: Path, core: int, begin: Callable[[], object] = lambda: None) -> float:
    """Seconds that the runs take on a simulator that is there, without a farm; `begin` is called before the first."""
    plan = planned(campaign, root / "planned")
    specs = [Desk(root / "planned" / plans.FOLDER).run(run.recipe) for run in plan.runs]
    with on_core(core), launch_embedded("AvSynth01", render_threads=1) as address:
        attempt(specs[0], address, root / "first")  # what is done once in a simulator's life
        begin()
        began = time.perf_counter()
        for spec in specs:
            attempt(spec, address, root / "alone")
        return time.perf_counter() - began


def _one_of_many(text: str, root: Path, core: int, gate: Any, told: Any) -> None:
    root.mkdir()
    told.put(alone_s(load(text), root, core, gate.wait))


def side_by_side_s(text: str, root: Path) -> float:
    """Seconds that the slowest takes of as many lone players as there are cores: what the machine itself gives."""
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(len(CORES)), context.Queue()
    players = [
        context.Process(target=_one_of_many, args=(text, root / f"side{core}", core, gate, told)) for core in CORES
    ]
    for player in players:
        player.start()
    slowest = max(told.get() for _ in players)
    for player in players:
        player.join()
    return slowest


def farmed_s(campaign: Campaign, store: Path, workers: int) -> float:
    """Seconds from the first run's start to the last one's commit."""
    plan = planned(campaign, store)
    times: list[float] = []

    def note(event: Mapping[str, Any] | Advanced) -> None:
        if not isinstance(event, Advanced) and event["event"] in ("started", "committed"):
            times.append(time.perf_counter())

    settings = settings_here(campaign, store, workers)
    with closing(LocalRunner([replace(each, cores=(CORES[each.slot],)) for each in settings])) as runner:
        ended = drive(plan.runs, store, runner, Rules(), on_event=note)
    if ended.exit_code:
        raise RuntimeError(f"the campaign ended with {ended.exit_code}: {ended.why}")
    return times[-1] - times[0]


def measure(root: Path) -> list[dict[str, Any]]:
    """Overhead of a farm of one worker, and scaling to one a core: 1 is as fast as it can be.

    The farm's runs are counted from the first one's start on, so that a simulator's start is in them.
    `machine_of_linear` is how lone players scale that know nothing of each other.
    """
    cores = len(CORES)
    (root / "one.yaml").write_text(CAMPAIGN.format(count=RUNS_A_CORE))
    (root / "all.yaml").write_text(CAMPAIGN.format(count=RUNS_A_CORE * cores))
    one, every = load(str(root / "one.yaml")), load(str(root / "all.yaml"))
    alone = alone_s(one, root, CORES[0])
    beside = side_by_side_s(str(root / "one.yaml"), root)
    with on_core(CORES[0]):
        single = farmed_s(one, root / "one", 1)
    together = farmed_s(every, root / "all", cores)
    return [
        {"name": f"a farm's {RUNS_A_CORE} runs of 8 s with one worker", "seconds": round(single, 2)}
        | {"against": "played one after the other", "peer_seconds": round(alone, 2), "ratio": round(single / alone, 3)},
        {"name": f"{cores} times as many runs with {cores} workers", "seconds": round(together, 2)}
        | {"against": "one worker", "peer_seconds": round(single, 2), "of_linear": round(single / together, 3)}
        | {"machine_of_linear": round(alone / beside, 3)},
    ]
