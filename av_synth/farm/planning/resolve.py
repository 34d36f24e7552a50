"""What runs turn out to be on a simulator: their ids and towns, and what it cannot cast. Nothing is played.

Asked in a process of its own, which holds the carla client (see `run.attempt`); every town is loaded once.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import carla
import numpy as np

from av_synth.director.stage.casting import Casting
from av_synth.errors import AvSynthError, CastError, ConnectionLostError, DocumentError, Problem, SimulatorError
from av_synth.farm.model import Recipe
from av_synth.farm.planning.recipes import Desk
from av_synth.launch import Address
from av_synth.launch.child_process import start_child
from av_synth.launch.exits import how_it_ended
from av_synth.launch.stall import Patience, Pulse
from av_synth.run.attempt import end_child, interrupt, outlive_nobody
from av_synth.run.identity import run_identity, simulator_facts
from av_synth.run.spec import Progress, RunSpec
from av_synth.run.towns import in_town, need_road, tick_us_of, town_of
from av_synth.scenario import ConcreteScenario
from av_synth.session import client_errors, open_session
from av_synth.session.towns import choose, find_town

_LOOK_EVERY_S = 0.1
_PATIENCE = Patience(begin_s=180.0, tick_s=180.0)  # either may be while a town is loaded
_RPC_TIMEOUT_S = 60.0

Facts = Mapping[str, str]


@dataclass(frozen=True)
class Known:
    """What a recipe turned out to be: the run's id, its town, and how long it is in recorded frames."""

    run_id: str
    town: str
    frames: int


Answer = Known | tuple[Problem, ...]
"""What a recipe turned out to be, or why it cannot be played."""


@dataclass(frozen=True)
class Resolved:
    """The answer to each recipe, in their order, and the simulator's facts by town."""

    answers: tuple[Answer, ...]
    facts: Mapping[str, Facts]


@dataclass(frozen=True)
class _Order:
    folder: Path
    recipes: tuple[Recipe, ...]
    address: Address  # without the process, which is the parent's
    simulator_is_ours: bool


def resolve(
    recipes: Sequence[Recipe], folder: Path, address: Address, log: Path, on_done: Progress = lambda *_: None
) -> Resolved:
    """Find out what recipes are on the simulator at an address.

    Args:
        recipes: of the files in `folder`.
        folder: with scenarios/, rigs/ and maps/, as a plan has them.
        address: where the simulator listens; nobody else may use it meanwhile.
        log: where what the client says goes.
        on_done: told (recipes looked at, recipes in all).

    Raises:
        ConnectionLostError: if the simulator does not answer, or died.
        SimulatorError: if the client died, or hangs.
    """
    ours = address.process is not None
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as said:
        process, here = start_child(__name__, said, abrupt=ours)
    pulse = Pulse(_PATIENCE)
    answers: list[Answer] = []
    try:
        with here:
            here.send(_Order(folder, tuple(recipes), replace(address, process=None), ours))
            while True:
                if here.poll(_LOOK_EVERY_S):
                    answer = here.recv()
                    if isinstance(answer, BaseException):
                        raise answer
                    if isinstance(answer, dict):
                        return Resolved(tuple(answers), answer)
                    answers.append(answer)
                    pulse.tick(len(answers), len(recipes))
                    on_done(len(answers), len(recipes))
                elif (gone := address.why_gone()) is not None:
                    raise ConnectionLostError(f"{gone} while the campaign was planned; its log is beside {log}")
                elif (why := pulse.why_stalled()) is not None:
                    raise SimulatorError(f"the process that plans {why} and was ended; its log is {log}")
    except (EOFError, ConnectionError):
        raise SimulatorError(f"the process that plans {how_it_ended(process.wait())}; its log is {log}") from None
    finally:
        end_child(process, politely=not ours)


def child(handle: int) -> None:
    """Answer the order that comes over the pipe. Leaves by `os._exit`, as `run.attempt.child` does."""
    signal.signal(signal.SIGTERM, interrupt)
    pipe = Connection(handle)
    try:
        order: _Order = pipe.recv()
        threading.Thread(target=outlive_nobody, args=(pipe, order.simulator_is_ours), daemon=True).start()
        with tempfile.TemporaryDirectory(prefix="av_synth-") as cache:
            towns = _Towns(order.address, Path(cache))
            desk = Desk(order.folder)
            for recipe in order.recipes:
                pipe.send(_answer(desk, towns, recipe))
        pipe.send(towns.facts)
    except AvSynthError as error:
        pipe.send(error)
    except Exception:  # noqa: BLE001  the parent raises it
        pipe.send(RuntimeError(f"in the process that plans:\n{traceback.format_exc()}"))
    finally:
        os._exit(0)


def _answer(desk: Desk, towns: _Towns, recipe: Recipe) -> Answer:
    try:
        return towns.known(desk.run(recipe))
    except DocumentError as error:
        return error.problems
    except CastError as error:
        return (Problem("", "", str(error)),)


@dataclass
class _Town:
    """A town that was loaded: what the session calls it, its map, facts, and who can play there."""

    name: str
    plan: carla.Map
    facts: dict[str, str]
    casting: Casting


class _Towns:
    """The towns of a simulator, each loaded once."""

    def __init__(self, address: Address, cache: Path) -> None:
        self.facts: dict[str, dict[str, str]] = {}
        self._address, self._cache = address, cache
        self._loaded: dict[str, _Town] = {}
        self._cast: set[tuple[str, str, bool]] = set()  # town, body, parked: there is somebody for it
        with client_errors(address, "connecting"):
            client = carla.Client(address.host, address.port)
            client.set_timeout(_RPC_TIMEOUT_S)
            self._available: list[str] = client.get_available_maps()

    def known(self, spec: RunSpec) -> Known:
        """What a run is here.

        Raises:
            CastError: if there is no such town or road, or nobody for a part.
        """
        scenario, tick_us = spec.scenario, tick_us_of(spec.rig)
        wanted = town_of(scenario, tick_us)
        if isinstance(wanted, str):
            town = self._load(wanted)
            need_road(town.plan, scenario, tick_us)
        else:
            town = self._load(choose(wanted, self._available, lambda name: self._load(name).plan))
        self._need_bodies(town, scenario)
        there = in_town(spec, town.name, town.plan)
        named = there.scenario.town or town.name
        self.facts[named] = town.facts
        run_id, _ = run_identity(there, town.facts)
        return Known(run_id, named, round(scenario.duration_s * 1e6 / tick_us) + 1)

    def _load(self, name: str) -> _Town:
        key = find_town(name, self._available) or name
        if key not in self._loaded:
            with open_session(self._address, key, tick_us_of(None), 0, self._cache) as session:
                casting = Casting(session.client, session.world, np.eye(4))
                self._loaded[key] = _Town(session.town, session.map, simulator_facts(session), casting)
        return self._loaded[key]

    def _need_bodies(self, town: _Town, scenario: ConcreteScenario) -> None:
        missing = []
        for body, parked in dict.fromkeys(_bodies(scenario)):
            if (town.name, body, parked) in self._cast:
                continue
            try:
                town.casting.role(body, 0.0, parked=parked)
                self._cast.add((town.name, body, parked))
            except CastError as error:
                missing.append(str(error))
        if missing:
            raise CastError("; ".join(missing))


def _bodies(scenario: ConcreteScenario) -> Iterator[tuple[str, bool]]:
    """Every body that a draw asks for, and whether nobody is in it."""
    yield scenario.ego.body, False
    for actor in scenario.actors.values():
        yield actor.body, actor.stands
    for row in scenario.rows:
        yield from ((slot.body, True) for slot in row.slots)
    yield from ((body, False) for body in scenario.traffic.bodies)
    for flow in scenario.flows:
        yield from ((each.body, False) for each in flow.vehicles)
    for crowd in scenario.crowds:
        yield from ((each.body, False) for each in crowd.people)
    for event in scenario.events:
        if event.do is not None and event.do.drop is not None:
            yield event.do.drop.body, False
