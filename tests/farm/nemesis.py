"""Seeded schedules of misfortune: what happens to a campaign, and when.

A fault comes at an event of the campaign (the third `started`, the first `committed`), never after some time. What a
run's player does wrong is in its behaviour; what is done to processes and files from outside is a `Fault`; where a
driver dies between two steps of its own is the crash point of one of its lives.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from av_synth import farm
from av_synth.farm.model import PlannedRun
from tests.farm import stand_in

RUNS = 8
PLANS = 2
DEATHS_OF_A_TOUR = 5
WATCHED = "driver.watch.killed"
FRESH_EVERY = 40

AT_EVENTS = (
    "kill worker",  # SIGKILL
    "kill its children",  # SIGKILL: its simulator, were it a real one
    "stop worker",  # SIGSTOP: silent, not gone
    "kill driver",
    "second driver",
    "second driver while the first is stopped",
    "ask to stop",
    "interrupt",  # SIGINT
    "clock forward",
    "clock backward",
    "disk full",
)
KILL_RAYLET = "kill a raylet"
ON_RAY = ("kill its actor", KILL_RAYLET)
AT_STARTED = AT_EVENTS[:3]  # that event names the processes
WEIGHTS = (6, 4, 1, 6, 2, 1, 2, 2, 1, 1, 2)

POISONS: Mapping[str, Mapping[str, Any]] = {
    "poison: exit": {"do": "exit"},
    "poison: killed": {"do": "kill"},
    "poison: simulator": {"do": "raise", "error": "ConnectionLostError"},
    "poison: data": {"do": "raise", "error": "DataError"},
    "poison: scenario": {"do": "raise", "error": "CastError"},
}
ONCE: Mapping[str, Mapping[str, Any]] = {
    "once: transient": {"do": "raise", "error": "SensorMissError"},
    "once: deterministic": {"do": "raise", "error": "DataError"},
    "once: disk full": {"do": "raise", "error": "ENOSPC"},
    "once: port taken": {"do": "raise", "error": "EADDRINUSE"},
    "once: launch": {"do": "raise", "error": "LaunchError"},
    "once: exit": {"do": "exit"},
    "once: file limit": {"do": "limit", "bytes": 1500},
    "once: hang": {"do": "hang"},
    "once: disk full at a file": {"do": "refuse", "call": "fsync", "nth": 3},
    "once: disk full at the manifest": {"do": "refuse", "call": "fsync", "nth": 20},
    "once: disk full at the commit": {"do": "refuse", "call": "rename", "nth": 1},
    "once: dies before a file is on disk": {"do": "die", "call": "fsync", "nth": 1, "after": False},
    "once: dies after some files are": {"do": "die", "call": "fsync", "nth": 7, "after": True},
    "once: dies before the manifest is": {"do": "die", "call": "fsync", "nth": 20, "after": False},
    "once: dies before the commit": {"do": "die", "call": "rename", "nth": 1, "after": False},
    "once: dies after the commit": {"do": "die", "call": "rename", "nth": 1, "after": True},
}
WEIGHTS_ONCE = tuple(1 if name == "once: hang" else 4 for name in ONCE)
TAKEN, ANSWERS = "port taken", "stranger answers"
ON_PORTS_EVERY = 25
DAMAGES = ("flipped", "torn", "missing", "added", "manifest torn")
TRIGGERS = ("started", "started", "started", "committed", "committed", "failed", "opened")


@dataclass(frozen=True)
class Fault:
    """Something done from outside at the `nth` event of a name, counted over all drivers of the schedule."""

    kind: str
    event: str
    nth: int


@dataclass(frozen=True)
class Schedule:
    """What happens to one campaign.

    Attributes:
        seed: of the draw.
        plan: number of the plan.
        poisons, once: what the players do wrong, by run id: a name of `POISONS` or `ONCE`.
        faults: done at events.
        deaths: crash points of one driver after the other; a point that a driver does not reach is no fault.
        damages: done to committed runs when the campaign has ended: it is retried and ends again.
        healed: whether poison runs are well when they are released at the end, and are tried again.
        retry_deaths: crash points of one `retry` after the other.
        strangers: how many listen on a port that would be leased, and how many come to one that is; if there are any,
            players start what has ports (see `taken_ports`).
        fresh: whether workers are fresh interpreters.
        ray: whether they are actors of a Ray.
        machines: how many that has.
    """

    seed: int
    plan: int
    poisons: Mapping[str, str] = field(default_factory=dict)
    once: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    deaths: tuple[str, ...] = ()
    damages: tuple[str, ...] = ()
    healed: bool = False
    retry_deaths: tuple[str, ...] = ()
    strangers: tuple[int, int] = (0, 0)
    fresh: bool = False
    ray: bool = False
    machines: int = 1

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """What is planned."""
        return plan(self.plan)


@lru_cache(maxsize=1)
def crash_points() -> tuple[str, ...]:
    """All names that the farm's code gives to `crash.point`, but for those of runs at an address."""
    found = set()
    for path in Path(farm.__file__).parent.rglob("*.py"):
        if path.stem in ("object_store", "outbox"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash.point":
                found.add(ast.literal_eval(node.args[0]))
    return tuple(sorted(found))


def in_retry(point: str) -> bool:
    """Whether `retry` gets to a crash point, and a driver does not."""
    return point.startswith(("quarantine.release.", "quarantine.set_aside."))


def plan(number: int) -> tuple[PlannedRun, ...]:
    """One of a few plans, sorted by run id; its runs are on two towns."""
    runs = [stand_in.planned(RUNS * number + k, town=f"Town0{1 + k % 2}") for k in range(RUNS)]
    return tuple(sorted(runs, key=lambda run: run.run_id))


def draw(seed: int) -> Schedule:
    """The schedule of a seed: negative ones are on a Ray, the first ones `tours`, others random."""
    if seed < 0:
        return RAY[seed]
    return tours()[seed] if seed < len(tours()) else _random(seed)


@lru_cache(maxsize=1)
def tours() -> tuple[Schedule, ...]:
    """Schedules in which drivers and retries die at every crash point there is, and one in which ports are taken."""
    points = [point for point in crash_points() if not in_retry(point)]
    # the first driver watches a worker that hangs; after the end of one there is nothing left to die of
    points.sort(key=lambda point: (point != WATCHED, "driver.end." in point))
    deaths = [points[k : k + DEATHS_OF_A_TOUR] for k in range(0, len(points), DEATHS_OF_A_TOUR)]
    for chunk in deaths:  # what is given up is given up late
        chunk.sort(key=lambda point: ("driver.end." in point, "given_up" in point, "quarantine.put." in point))
    retries = tuple(point for point in crash_points() if in_retry(point))
    # the points of set_aside are reached before those of release
    retries = tuple(sorted(retries, key=lambda point: ("release" in point, retries.index(point))))
    return (
        *(_tour(number, tuple(lives)) for number, lives in enumerate(deaths)),
        replace(_tour(len(deaths), ()), damages=DAMAGES[:2], healed=True, retry_deaths=retries),
        Schedule(
            len(deaths) + 1,
            0,
            faults=(Fault("kill its children", "started", 2), Fault("kill driver", "committed", 3)),
            strangers=(2, 4),
        ),
    )


def _tour(seed: int, deaths: tuple[str, ...]) -> Schedule:
    """Enough goes wrong for a driver to come to any point: attempts fail, one stalls, and runs are given up."""
    first, second, third, *_ = (run.run_id for run in plan(seed % PLANS))
    return Schedule(
        seed,
        seed % PLANS,
        poisons={first: "poison: data", second: "poison: exit"},
        once={third: "once: hang" if WATCHED in deaths else "once: disk full"},
        deaths=deaths,
    )


def _on_ray() -> dict[int, Schedule]:
    """On a Ray of two machines, of which one is lost, and on a private one whose driver is killed."""
    first, second, third, *_ = (run.run_id for run in plan(0))
    # two of what costs an attempt in each: no run is given up for that
    machine = (Fault("kill worker", "started", 2), Fault(KILL_RAYLET, "started", 5))
    driver = (
        Fault("kill its children", "started", 3),
        Fault("kill its actor", "started", 5),
        Fault("kill driver", "committed", 4),
    )
    once = {second: "once: disk full", third: "once: dies after the commit"}
    return {
        -1: Schedule(-1, 0, {first: "poison: data"}, faults=machine, ray=True, machines=2),
        -2: Schedule(-2, 0, once=once, faults=driver, ray=True),
    }


RAY: Mapping[int, Schedule] = _on_ray()


def _random(seed: int) -> Schedule:
    rng = random.Random(f"chaos {seed}")
    ids = [run.run_id for run in plan(seed % PLANS)]
    rng.shuffle(ids)
    poisons = {ids.pop(): rng.choice(list(POISONS)) for _ in range(rng.choice((0, 0, 0, 1, 1, 2)))}
    once = {ids.pop(): name for name in rng.choices(list(ONCE), WEIGHTS_ONCE, k=rng.choice((0, 1, 1, 2)))}
    # few enough for each run to be hit fewer times than it takes to give it up, on the whole
    kinds = rng.choices(AT_EVENTS, WEIGHTS, k=rng.choice((0, 1, 2, 3)))
    faults = []
    for kind in kinds:
        event = rng.choice(TRIGGERS)
        if kind in AT_STARTED:
            event = "started"
        faults.append(Fault(kind, event, 1 if event in ("failed", "opened") else rng.randint(1, RUNS - 2)))
    points = [point for point in crash_points() if not in_retry(point)]
    deaths = rng.choices(points, k=rng.choice((0, 0, 1, 2)))
    damages = rng.sample(DAMAGES, rng.choice((0, 0, 1, 2)))
    healed = bool(poisons) and rng.random() < 0.5
    retries = [point for point in crash_points() if in_retry(point)]
    retry_deaths = rng.choices(retries, k=rng.choice((0, 1, 2))) if damages or healed else []
    if not (kinds or poisons or once or deaths or damages):
        deaths = [rng.choice(points)]
    fresh = seed % FRESH_EVERY == 0
    strangers = (rng.choice((0, 1, 2)), rng.choice((1, 2, 4))) if seed % ON_PORTS_EVERY == 7 else (0, 0)
    if fresh or any(strangers):  # there is much patience with these, and nobody to wait for it
        faults = [fault for fault in faults if fault.kind != "stop worker"]
        once = {run_id: name for run_id, name in once.items() if name != "once: hang"}
    return Schedule(
        seed,
        seed % PLANS,
        poisons,
        once,
        tuple(faults),
        tuple(deaths),
        tuple(damages),
        healed,
        tuple(retry_deaths),
        strangers,
        fresh,
    )
