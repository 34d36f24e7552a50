"""From an entry of a campaign to recipes, and to copies of the files that they are drawn of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from av_synth import documents, messages
from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth.documents import Document
from av_synth.errors import DocumentError, Problem
from av_synth.farm.model import Recipe
from av_synth.farm.planning.document import Design, Entry, Search
from av_synth.farm.planning.recipes import MAPS, RIGS, SCENARIOS, SEARCHES, map_of
from av_synth.launch.choose import EMBEDDED
from av_synth.rig.loader import NO_RIG
from av_synth.rig.model import Rig
from av_synth.run.sensors import missing_sensors
from av_synth.scenario import Scenario, designs
from av_synth.scenario.designs import MAX_POINTS, Point
from av_synth.scenario.distributions import written
from av_synth.scenario.expressions import Value
from av_synth.scenario.words import is_opendrive
from av_synth.search import Request, load_campaign
from av_synth.search.search import Search as Searching

# what an option of the command line is called in an entry
_KEYS = {
    "--seed": "seeds",
    "--town": "towns",
    "seed": "seeds",
    "levels": "design",
    "count": "design",
    "strength": "design",
}


@dataclass
class Expanded:
    """What expanding entries gathers beside recipes; see `campaign.Campaign` for files, origins and notes."""

    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, name: str, path: Path) -> None:
        """Keep a copy of a file under a name."""
        try:
            content = path.read_bytes()
        except OSError as error:
            self.problems.append(Problem(str(path), "", f"cannot be read: {error.strerror}"))
            return
        if self.files.setdefault(name, content) != content:
            both = f"{self.origins[name]} and {path}"
            self.problems.append(Problem("", "", f"{both} differ and have one name; want two names, in two files"))
        self.origins.setdefault(name, documents.displayed(path))


def at_entry(document: Document, number: int, problem: Problem) -> Problem:
    """A problem at its place in an entry, if it has no place of its own in a file."""
    if problem.where:
        return problem
    entry: Any = document.data["runs"][number] if isinstance(document.data, dict) else {}
    words = problem.path.split(" ")
    key = words[0].removeprefix("--")
    if "search" in entry and key != "rig":
        return document.problem(("runs", number, "search", key), problem.message)
    key = _KEYS.get(words[0], key)
    if key in entry:
        return document.problem(("runs", number, key, *words[1:]), problem.message)
    return document.problem(("runs", number), f"{problem.path}: {problem.message}" if problem.path else problem.message)


def misnamed(document: Document, folder: Path) -> Iterator[Problem]:
    """What is wrong with the rigs, scenarios and files that a campaign names which is not well-formed itself.

    Args:
        document: the campaign.
        folder: where relative paths begin.
    """
    data = document.data if isinstance(document.data, dict) else {}
    entries = data.get("runs")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        search = entry.get("search")
        named: list[tuple[object, Callable[[str], object]]] = [
            (None if entry.get("rig") == NO_RIG else entry.get("rig"), rigs.load),
            (entry.get("scenario"), scenarios.load),
            (search.get("scenario") if isinstance(search, dict) else None, scenarios.load),
        ]
        for name, load in named:
            try:
                if isinstance(name, str):
                    load(_from(folder, name))
            except DocumentError as error:
                yield from (at_entry(document, number, problem) for problem in error.problems)
        if isinstance(draws := entry.get("draws"), str):
            missing = _missing_draws(Path(_from(folder, draws)))
            yield from (at_entry(document, number, problem) for problem in missing)


def expand(entry: Entry, known: Expanded, folder: Path) -> list[Recipe]:
    """The runs that an entry asks for, in order; mistakes, notes and files go to `known`.

    Args:
        entry: what is asked for; one with `search` gives nothing yet.
        known: gathers.
        folder: where relative paths begin.
    """
    rig = rig_file = None
    try:
        if entry.rig != NO_RIG:
            path = documents.find("sensors", _from(folder, entry.rig))
            rig, rig_file = rigs.load(str(path)), f"{path.stem}.yaml"
            known.keep(f"{RIGS}/{rig_file}", path)
    except DocumentError as error:
        known.problems += error.problems
    try:
        if entry.search is not None:
            Searching(request(entry.search, folder, Path("draws.yaml"), EMBEDDED))
        elif entry.draws is not None:
            return list(_of_draws(Path(_from(folder, entry.draws)), rig, rig_file, known))
        else:
            return list(_of_scenario(entry, rig, rig_file, known, folder))
    except DocumentError as error:
        known.problems += error.problems
    return []


def request(asked: Search, folder: Path, out: Path, simulator: str) -> Request:
    """What an entry's search is to find.

    Args:
        asked: of the entry.
        folder: where relative paths begin.
        out: where the draws are written.
        simulator: that the draws are to be rendered on.
    """
    return Request(
        _from(folder, asked.scenario),
        asked.target,
        asked.count,
        out,
        of=asked.of,
        seed=asked.seed,
        simulator=simulator,
    )


def _from(folder: Path, name_or_path: str) -> str:
    """A name as it is; a relative path from a folder on."""
    return str(folder / name_or_path) if name_or_path.endswith((".yaml", ".yml", ".xodr")) else name_or_path


def _missing_draws(path: Path) -> list[Problem]:
    return [] if path.is_file() else [Problem("", "draws", f"got {messages.shown(str(path))}; there is no such file")]


def _of_draws(path: Path, rig: Rig | None, rig_file: str | None, known: Expanded) -> Iterator[Recipe]:
    """A run for each draw of a file that a search wrote."""
    known.problems += (missing := _missing_draws(path))
    if missing:
        return
    found = load_campaign(path)
    if rig is not None and rig.tick_us != found.campaign.tick_us:
        ticks = f"ticks every {rig.tick_us} us, the search did every {found.campaign.tick_us} us"
        known.problems.append(Problem("", "rig", f"the rig {rig.name} {ticks}; want a rig alike"))
        return
    found.specs(rig)
    file = _keep_scenario(found.campaign.scenario, found.scenario, known)
    town = found.campaign.town
    if town is not None:
        town = _keep_town(town, Path(town), known)
    known.keep(f"{SEARCHES}/{path.stem}.yaml", path)
    for one in found.campaign.draws:
        yield Recipe(file, rig_file, one.seed, one.values, town=town, ticks=one.ticks)


def _of_scenario(
    entry: Entry, rig: Rig | None, rig_file: str | None, known: Expanded, folder: Path
) -> Iterator[Recipe]:
    name = _from(folder, entry.scenario or "")
    scenario = scenarios.load(name)
    file = _keep_scenario(name, scenario, known)
    overrides = {parameter: written(value) for parameter, value in entry.set.items()}
    seeds = entry.seeds or (0,)
    # what is wrong with one draw mostly is with all; the others are looked at when they are planned
    first = scenarios.draw(scenario, seeds[0], overrides, without=entry.without)
    if not entry.towns:
        scenarios.need_map(scenario, first)
    known.problems += missing_sensors(scenario, first, rig)
    towns: list[str | None] = []
    for town in entry.towns:
        scenarios.draw(scenario, seeds[0], overrides, without=entry.without, town=_from(folder, town))
        towns.append(_keep_town(town, folder / town, known))
    towns = towns or [None]
    weathers: list[dict[str, Any] | None] = [spec.model_dump(mode="json", exclude_none=True) for spec in entry.weather]
    fixed = {parameter: first.parameters[parameter] for parameter in overrides}
    for seed in seeds:
        points: Sequence[Point | None] = (None,)
        if entry.design is not None:
            points = _points(scenario, entry.design, fixed, seed, known)
        for point, weather, where in product(points, weathers or [None], towns):
            given = overrides if point is None else {}  # they are among the values of a point
            yield Recipe(file, rig_file, seed, point or {}, given, weather, where, entry.without)


def _points(scenario: Scenario, design: Design, fixed: Mapping[str, Value], seed: int, known: Expanded) -> list[Point]:
    """The points of a design with what is given by hand, without doubles and without what the constraints forbid."""
    if isinstance(design.grid, dict):
        found = list(_some(scenario, design.grid))
        dropped = 0
    else:
        made = (
            designs.grid(scenario, design.grid)
            if design.grid is not None
            else designs.latin_hypercube(scenario, design.latin_hypercube, seed)
            if design.latin_hypercube is not None
            else designs.sobol(scenario, design.sobol, seed)
            if design.sobol is not None
            else designs.t_wise(scenario, design.t_wise or 2)
        )
        found, dropped = list(made.points), made.dropped
    given = list({tuple(sorted(point.items())): point for point in ({**one, **fixed} for one in found)}.values())
    kept = [point for point in given if scenario.chance.can_be(seed, point)]
    dropped += len(given) - len(kept)
    if dropped:
        known.notes.append(f"{scenario.name}, seed {seed}: the constraints forbid {dropped} points of the design")
    if not kept:
        raise DocumentError([Problem("", "design", "the constraints forbid all of its points; want others")])
    return kept


def _some(scenario: Scenario, levels: Mapping[str, int | list[Value]]) -> Iterator[Point]:
    """Every combination of levels of some parameters; the others are drawn by the seed."""
    unknown = [name for name in levels if name not in scenario.parameters]
    if unknown:
        hints = [messages.nearest(name, scenario.parameters) for name in unknown]
        raise DocumentError(
            [
                Problem("", "design", f"{scenario.name} has no parameter {name!r}; {hint}")
                for name, hint in zip(unknown, hints, strict=True)
            ]
        )
    columns = [_levels(scenario, name, given) for name, given in levels.items()]
    size = math.prod(map(len, columns))
    if size > MAX_POINTS:
        raise DocumentError([Problem("", "design", f"makes {size} points; want at most {MAX_POINTS}")])
    for row in product(*columns):
        yield dict(zip(levels, row, strict=True))


def _levels(scenario: Scenario, name: str, given: int | list[Value]) -> Sequence[Value]:
    distribution = scenario.parameters[name]
    if not isinstance(given, list):
        return designs.levels_of(distribution, given)
    try:
        return [distribution.take(value) for value in given]
    except ValueError as error:
        raise DocumentError([Problem("", f"design grid {name}", str(error))]) from error


def _keep_scenario(name_or_path: str, scenario: Scenario, known: Expanded) -> str:
    """Keep a scenario with the maps that it names; the name of its copy."""
    path = documents.find("scenarios", name_or_path)
    file = f"{path.stem}.yaml"
    known.keep(f"{SCENARIOS}/{file}", path)
    pending: list[object] = [scenario.document.data]
    while pending:
        found = pending.pop()
        if isinstance(found, str) and is_opendrive(found) and (path.parent / found).is_file():
            known.keep(f"{MAPS}/{map_of(file, found)}", path.parent / found)
        pending += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return file


def _keep_town(town: str, path: Path, known: Expanded) -> str:
    """A town by its name; of a file, which is at the path, the name of its copy."""
    if not is_opendrive(town):
        return town
    kept = map_of(Path(town).stem, town)
    known.keep(f"{MAPS}/{kept}", path)
    return kept
