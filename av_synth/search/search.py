"""The search: draws are proposed, tried by workers, replayed, corrected, and accepted if they are like no other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from av_synth import scenario as scenarios
from av_synth.errors import CastError, DocumentError, Problem
from av_synth.launch.choose import EMBEDDED, is_embedded
from av_synth.launch.cores import CORE_COUNT, CORES
from av_synth.messages import nearest
from av_synth.run.towns import DEFAULT_TICK_US
from av_synth.search.campaign import (
    MAX_DRAWS,
    Accepted,
    Campaign,
    Rates,
    digest,
    hashes,
    load_campaign,
    save_campaign,
)
from av_synth.search.correct import trigger_parameters
from av_synth.search.propose import BLOCK, Proposer, Seen
from av_synth.search.space import Space, effective_count, outcome
from av_synth.search.target import METRICS, Target, parse_target
from av_synth.search.worker import Job, Setting, Tried, Worker
from av_synth.store import need_place

_NEAR = 0.03  # of the whole space and of the range asked for: nearer draws are copies
_GIVE_UP = 400  # draws one after the other of which none was accepted
_SAVE_EVERY_S = 5.0
_DRAW_SEEDS = 1_000_000  # of each search's own
_AT_END = 0.1  # of a parameter's range: where the best draws are all so near to one end, it may be in the way
_BEST = 3  # draws that are looked at for that
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        scenario: a built-in name, or a path.
        target: in the language of `parse_target`.
        count: how many draws are wanted.
        out: the campaign file; one of the same search is gone on with.
        of: the challenging actor; the first one if None.
        seed: of the search; the draws' own seeds follow it.
        town: plays there instead of in the scenario's own town.
        overrides: parameters given by hand.
        correct: the parameters that a correction may change; those the events wait by if empty.
        simulator: where a draw must reach the target: `embedded`, `embedded:PROFILE`, or HOST:PORT.
        workers: processes.
    """

    scenario: str
    target: str
    count: int
    out: Path
    of: str | None = None
    seed: int = 0
    town: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    correct: Sequence[str] = ()
    simulator: str = EMBEDDED
    workers: int = CORE_COUNT


@dataclass(frozen=True)
class Summary:
    """What came of a search."""

    campaign: Campaign
    wall_s: float
    ticks_played: int

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        rates = self.campaign.rates
        return {
            "scenario": self.campaign.scenario,
            "target": self.campaign.target,
            "of": self.campaign.of,
            "accepted": len(self.campaign.draws),
            **rates.model_dump(),
            "rate_before_correction": round(rates.before, 4),
            "rate_after_correction": round(rates.after, 4),
            "wall_s": round(self.wall_s, 2),
            "ticks_per_s": round(self.ticks_played / max(self.wall_s, 1e-9)),
            "accepted_per_min": round(60.0 * len(self.campaign.draws) / max(self.wall_s, 1e-9), 1),
        }


def search(request: Request, on_accepted: Callable[[int, int], None] | None = None) -> Summary:
    """Look for draws that reach a target, and write those that do.

    What is found depends on the request alone, not on how many processes there are or how fast they work.

    Args:
        request: what is asked for.
        on_accepted: told (accepted, wanted).

    Raises:
        DocumentError: if the request, the scenario or the file is wrong, or the target is out of reach; says what came
            nearest. What was accepted is in the file.
        CastError: if the scenario cannot be played there.
        KeyboardInterrupt: as it came; likewise.
    """
    return Search(request).run(on_accepted)


class Search:
    """One search; `search` runs one from beginning to end."""

    def __init__(self, request: Request) -> None:
        """Check what is asked for, and read the file if it is there.

        Raises:
            DocumentError: as `search`.
        """
        self._request = request
        self._target, self._scenario, drawn = _checked(request)
        of = request.of or next(iter(drawn.actors))
        self._fixed = {name: drawn.parameters[name] for name in request.overrides}
        triggers = trigger_parameters(self._scenario, request.correct, request.overrides)
        self._space = Space.of(self._scenario, request.overrides)
        self._proposer = Proposer(self._space, self._target, request.seed, _NEAR)
        self._begun = _go_on(
            request.out,
            Campaign(
                scenario=request.scenario,
                scenario_digest=digest(self._scenario),
                town=request.town,
                of=of,
                target=str(self._target),
                simulator=request.simulator,
                tick_us=DEFAULT_TICK_US,
                seed=request.seed,
                overrides=dict(request.overrides),
                draws=[],
            ),
        )
        self._draws, self._rates = list(self._begun.draws), self._begun.rates
        self._positions = [self._space.position(one.values) for one in self._draws]
        self._outcomes = [outcome(self._target, one.measured) for one in self._draws]
        log = request.out.parent / "logs" / f"{request.out.stem}.log"
        self._setting = Setting(request.scenario, request.town, of, str(self._target), triggers, request.simulator, log)
        self._first_block = self._rates.tried // BLOCK
        self._proposed = self._rates.tried  # draws
        self._blocks: list[tuple[int, list[Seen]]] = []  # the last draw of each block, and what came of it so far
        self._all = list(self._positions)  # of everything that was proposed
        self._best: list[Tried] = []
        self._refused_at_first: str | None = ""
        self._idle = 0  # draws since the last that was accepted
        self._ticks = 0

    def run(self, on_accepted: Callable[[int, int], None] | None) -> Summary:
        """Search until there are enough."""
        began = saved = time.monotonic()
        wanted = self._request.count
        try:
            if len(self._draws) < wanted:
                self._setting.log.parent.mkdir(parents=True, exist_ok=True)
                own = is_embedded(self._request.simulator)
                count = self._request.workers if own else 1  # on a simulator that is not ours nobody else may play
                with ExitStack() as ending:
                    # where every core has a worker of its own; fewer are better placed by the system
                    cores = [(core,) for core in CORES] if count == len(CORES) else [()] * count
                    workers: list[Worker] = []
                    for each in cores:
                        workers.append(worker := Worker(replace(self._setting, cores=each)))
                        ending.callback(worker.close)  # also where the next one cannot be started
                    for tried in self._in_order(workers):
                        self.take(tried)
                        if on_accepted is not None:
                            on_accepted(len(self._draws), wanted)
                        if len(self._draws) >= wanted:
                            break
                        if time.monotonic() - saved > _SAVE_EVERY_S:
                            self.save()
                            saved = time.monotonic()
        finally:
            campaign = self.save()
        return Summary(campaign, time.monotonic() - began, self._ticks)

    def _in_order(self, workers: Sequence[Worker]) -> Iterator[Tried]:
        """What came of the draws, in the order of their numbers, without end."""
        waiting: deque[Job] = deque()
        done: dict[int, Tried] = {}
        expected = self._proposed
        while True:
            # while a block is played the next is ready, made of what came before the first of the two
            if not waiting and (len(self._blocks) < 2 or self._blocks[-2][0] < expected):
                waiting.extend(self.block())
            for worker in workers:
                if not worker.busy and waiting:
                    worker.give(waiting.popleft())
            busy = {worker.pipe: worker for worker in workers if worker.busy}
            for pipe in wait(list(busy), _LOOK_EVERY_S):
                tried = next(worker for known, worker in busy.items() if known is pipe).said()
                if tried is not None:
                    done[tried.job.number] = tried
            for worker in workers:
                worker.look()
            while expected in done:
                yield done.pop(expected)
                expected += 1

    def block(self) -> list[Job]:
        """The next draws to be tried.

        Raises:
            DocumentError: if the parameters that were given leave none.
        """
        number = len(self._blocks)
        seen = [one for _, known in self._blocks[: max(number - 1, 0)] for one in known]
        jobs = []
        for point in self._proposer.block(self._first_block + number, seen, self._all):
            values = {**point, **self._fixed}
            if self._scenario.chance.allows(values):
                jobs.append(Job(self._proposed, self._request.seed * _DRAW_SEEDS + self._proposed, values))
                self._all.append(self._space.position(values))
                self._proposed += 1
        if not jobs:
            message = f"no draw with {', '.join(self._request.overrides)} as given meets the scenario's constraints"
            raise DocumentError([Problem("", "--set", f"{message}; want other values")])
        self._blocks.append((self._proposed - 1, []))
        return jobs

    def take(self, tried: Tried) -> None:
        """Count a draw, and accept it if it reached the target and is like no other.

        Raises:
            CastError: if nobody can be placed in any of the first draws.
            DocumentError: if nothing was accepted for long: the target is out of reach.
        """
        self._ticks += tried.ticks_played
        self._idle += 1
        add = {"tried": 1, "refused": int(bool(tried.refused)), "replayed": int(tried.reached)}
        add |= {"reached": int(tried.before), "corrected": int(tried.after and not tried.before)}
        if not tried.refused:
            self._refused_at_first = None
            self._learn(tried)
        elif self._refused_at_first is not None:
            self._refused_at_first = tried.refused
        if tried.after:
            add["near_copies"] = int(not self._accept(tried))
        self._rates = self._rates.model_copy(update={name: getattr(self._rates, name) + n for name, n in add.items()})
        self._check_hope()

    def _learn(self, tried: Tried) -> None:
        values = np.array([tried.found[name] for name in self._target.metrics])
        block = next(known for last, known in self._blocks if tried.job.number <= last)
        block.append(Seen(self._space.position(tried.job.values), values))
        ranked = sorted([*self._best, tried], key=lambda one: self._target.missed_by(one.replayed or one.found))
        self._best = ranked[:_BEST]

    def _accept(self, tried: Tried) -> bool:
        values = dict(tried.values)
        position, came_to = self._space.position(values), outcome(self._target, tried.replayed)
        if self._positions:
            apart = self._space.apart(np.stack(self._positions), position)
            differs = np.abs(np.stack(self._outcomes) - came_to).max(axis=1)
            if (np.maximum(apart, differs) < _NEAR).any():
                return False
        whole, ticks = hashes(tried.ticks)
        changed = {name: was for name, was in tried.job.values.items() if was != values[name]}
        measured = {name: round(min(value, METRICS[name].most), 4) for name, value in tried.replayed.items()}
        self._draws.append(
            Accepted(seed=tried.job.seed, values=values, measured=measured, corrected=changed, hash=whole, ticks=ticks)
        )
        self._positions.append(position)
        self._outcomes.append(came_to)
        self._idle = 0
        return True

    def _check_hope(self) -> None:
        if self._refused_at_first and self._rates.tried - self._begun.rates.tried >= BLOCK:
            raise CastError(f"none of {BLOCK} draws could be placed: {self._refused_at_first}")
        if self._idle >= _GIVE_UP:
            raise DocumentError([Problem("", "--target", self._out_of_reach())])

    def _out_of_reach(self) -> str:
        target, names = self._target, self._space.names
        told = f"{len(self._draws)} of {self._request.count} draws were found for {target}, none in the last {_GIVE_UP}"
        if not self._best:
            return f"{told}; want a wider range"
        best = self._best[0]
        came_to = best.replayed or best.found
        figures = ", ".join(f"{name} = {min(came_to[name], METRICS[name].most):.3g}" for name in target.metrics)
        told += f"; the nearest, seed {best.job.seed}, came to {figures}"
        positions = np.stack([self._space.position(one.job.values) for one in self._best])
        binding = []
        for name, column, unordered in zip(names, positions.T, self._space.chosen > 0.0, strict=True):
            limits = self._scenario.parameters[name].limits
            if limits is not None and not unordered:
                binding += [f"{name} (at least {limits[0]:g})"] if (column < _AT_END).all() else []
                binding += [f"{name} (at most {limits[1]:g})"] if (column > 1.0 - _AT_END).all() else []
        if binding:
            return (
                f"{told}; the best draws are at the limits of {', '.join(binding)}: want wider ones, or another target"
            )
        return f"{told}; want a wider range, or a scenario with wider parameters"

    def save(self) -> Campaign:
        """Write what was accepted so far."""
        effective = round(effective_count(self._space, self._positions, _NEAR), 1)
        rates = self._rates.model_copy(update={"effective": effective})
        campaign = self._begun.model_copy(update={"draws": list(self._draws), "rates": rates})
        save_campaign(self._request.out, campaign)
        return campaign


def _checked(request: Request) -> tuple[Target, scenarios.Scenario, scenarios.ConcreteScenario]:
    """The target, the scenario, and a draw of it.

    Raises:
        DocumentError: with everything that is wrong.
    """
    problems: list[Problem] = []
    if not 1 <= request.count <= MAX_DRAWS:
        problems.append(Problem("", "--count", f"got {request.count}; want 1 to {MAX_DRAWS}"))
    if request.workers < 1:
        problems.append(Problem("", "--workers", f"got {request.workers}; want 1 or more"))
    if request.out.suffix != ".yaml":
        problems.append(Problem("", "--out", f"got {str(request.out)!r}; want a path that ends in .yaml"))
    target = scenario = drawn = None
    try:
        target = parse_target(request.target)
    except DocumentError as error:
        problems += error.problems
    try:
        scenario = scenarios.load(request.scenario)
        drawn = scenarios.draw(scenario, request.seed, request.overrides)
        if not drawn.actors:
            problems.append(Problem("", "scenario", f"{scenario.name} has no actor that could challenge the ego"))
        elif request.of is not None and request.of not in drawn.actors:
            hint = nearest(request.of, drawn.actors)
            problems.append(Problem("", "--of", f"{scenario.name} has no actor {request.of!r}; {hint}"))
    except DocumentError as error:
        problems += error.problems
    if problems or target is None or scenario is None or drawn is None:
        raise DocumentError(problems)
    return target, scenario, drawn


def _go_on(path: Path, asked: Campaign) -> Campaign:
    """The campaign that is there, if it is of this search, else the one that is asked for.

    Raises:
        DocumentError: if something else is there.
    """
    need_place("--out", path)
    if not path.exists():
        return asked
    known = load_campaign(path).campaign
    empty = {"draws": [], "rates": Rates()}
    if known.model_copy(update=empty) != asked.model_copy(update=empty):
        differ = [name for name in type(asked).model_fields if getattr(known, name) != getattr(asked, name)]
        others = ", ".join(name for name in differ if name not in empty)
        raise DocumentError([Problem(str(path), "--out", f"is of another search ({others}); want another file")])
    return known
