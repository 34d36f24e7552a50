"""What a farm costs: campaigns of one and of all cores' workers beside the same runs played one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from av_synth.farm import plan as plans
from av_synth.farm.campaign import Campaign, load
from av_synth.farm.driver import drive
from av_synth.farm.local import LocalRunner
from av_synth.farm.model import Advanced
from av_synth.farm.policy import Rules
from av_synth.farm.prepare import planned, settings_here
from av_synth.farm.recipes import Desk
from av_synth.launch import launch_embedded
from av_synth.launch.cores import CORES
from av_synth.run.attempt import attempt

RUNS_A_CORE = 4
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


def alone_s(campaign: Campaign, root: Path) -> float:
    """Seconds that the runs take on a simulator that is there, without a farm."""
    plan = planned(campaign, root / "planned")
    specs = [Desk(root / "planned" / plans.FOLDER).run(run.recipe) for run in plan.runs]
    with on_core(CORES[0]), launch_embedded("AvSynth01", render_threads=1) as address:
        attempt(specs[0], address, root / "first")  # what is done once in a simulator's life
        began = time.perf_counter()
        for spec in specs:
            attempt(spec, address, root / "alone")
        return time.perf_counter() - began


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
    """Overhead of a farm of one worker, and scaling to one a core: 1 is as fast as it can be."""
    cores = len(CORES)
    (root / "one.yaml").write_text(CAMPAIGN.format(count=RUNS_A_CORE))
    (root / "all.yaml").write_text(CAMPAIGN.format(count=RUNS_A_CORE * cores))
    one, every = load(str(root / "one.yaml")), load(str(root / "all.yaml"))
    alone = alone_s(one, root)
    with on_core(CORES[0]):
        single = farmed_s(one, root / "one", 1)
    together = farmed_s(every, root / "all", cores)
    return [
        {"name": f"a farm's {RUNS_A_CORE} runs of 8 s with one worker", "seconds": round(single, 2)}
        | {"against": "played one after the other", "peer_seconds": round(alone, 2), "ratio": round(single / alone, 3)},
        {"name": f"{cores} times as many runs with {cores} workers", "seconds": round(together, 2)}
        | {"against": "one worker", "peer_seconds": round(single, 2), "of_linear": round(single / together, 3)},
    ]
