"""Import of ASAM OpenSCENARIO XML 1.0 to 1.3: a file becomes a scenario in our language, and a report."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from av_synth import documents, messages
from av_synth.documents import NAME_IN_WORDS
from av_synth.errors import DocumentError, Problem
from av_synth.scenario import scenario
from av_synth.scenario.model import LONGEST_S
from av_synth.scenario.openscenario.catalogs import Catalogs
from av_synth.scenario.openscenario.conditions import Held
from av_synth.scenario.openscenario.context import KMH, Actor, Context, Words, rounded
from av_synth.scenario.openscenario.entities import document_name, entities
from av_synth.scenario.openscenario.fitting import (
    done_in,
    leave_out_what_is_late,
    leave_out_what_is_refused,
    leave_out_who_never_comes,
    names_in,
)
from av_synth.scenario.openscenario.parameters import fill_in
from av_synth.scenario.openscenario.places import Places, Spot
from av_synth.scenario.openscenario.report import Report, UnsaidError
from av_synth.scenario.openscenario.story import Story, Told, at_start, place_all
from av_synth.scenario.openscenario.tree import Element, read
from av_synth.scenario.road import LONGEST_ROAD_M, SHORTEST_ROAD_M
from av_synth.scenario.words import EGO, FASTEST_KMH, TOWN, is_opendrive

_VERSIONS = ("1.0", "1.1", "1.2", "1.3")
_USUAL_DURATION_S = 30.0
_USUAL_MPS = 30.0 / KMH
_MOVING = (
    "SpeedAction",
    "SpeedProfileAction",
    "LongitudinalDistanceAction",
    "SynchronizeAction",
    "FollowTrajectoryAction",
)
_CARLAS = "CARLA:"  # how descriptions begin of files that ScenarioRunner reads with CARLA's axes
_LONGEST_OPEN_S = 60.0
_AFTERWARDS_S = 10.0


class _Plain(yaml.SafeDumper):
    """Writes the same value twice where it is there twice; our files have no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  PyYAML calls it
        """Always."""
        return True


@dataclass(frozen=True)
class Imported:
    """What an OpenSCENARIO file became.

    Attributes:
        text: our YAML file.
        scenario: the same, loaded.
        report: what became of each part.
    """

    text: str
    scenario: scenario.Scenario
    report: Report


def import_file(path: Path, out: Path | None = None, values: Mapping[str, str] | None = None) -> Imported:
    """Read a scenario of OpenSCENARIO.

    Args:
        path: the file; what it names is looked for from there.
        out: where ours is going to be: its name, and the map is named from there; by `path` if None. Nothing is
            written.
        values: of the file's own parameters, instead of those that it declares.

    Raises:
        DocumentError: if the file is not a scenario of OpenSCENARIO 1.0 to 1.3, or a part is wrong: where, and what;
            or if `out` is no name that a scenario can have.
    """
    ours = _name(path, out)
    try:
        return _imported(path, ours, out, dict(values or {}))
    except RecursionError as error:  # a route that goes by itself, or parameters that follow from thousands of others
        message = "what it refers to refers to itself, or goes too deep; want no circle"
        raise DocumentError([Problem(str(path), "", message)]) from error


def _imported(path: Path, ours: str, out: Path | None, given: dict[str, str]) -> Imported:
    root = read(path)
    version = _version(root)
    known = {one.word("name") for one in root.all("ParameterDeclarations", "ParameterDeclaration")}
    strange = [name for name in given if name not in known]
    if strange:
        raise root.wrong(f"there is no parameter {strange[0]!r}; {messages.nearest(strange[0], known)}")
    parameters = fill_in(root, {}, given)
    report = Report(version)
    catalogs = Catalogs(root, path.parent, parameters)
    town, places = _town(root, path, (out or path).parent, report)
    _follow_references(root, catalogs)
    for one in root.all("RoadNetwork", "TrafficSignals"):
        report.lost(one, "the phases of traffic lights are the simulator's", changes=bool(one.inside))
    found = entities(root, catalogs, report)
    # ScenarioRunner tells places of an actor's centre, the standard those of its rear axle
    actors = {
        name: Actor(entity, middle_m=0.0 if places.mirrored else entity.middle_m) for name, entity in found.items()
    }
    context = Context(actors, catalogs, places, report)
    place_all(root, context)
    for name in {name for actor in actors.values() for name in actor.entity.towed} & actors.keys():
        actors[name].spot = None  # nothing pulls a trailer here, and where it stood it would be in the way
    told = Told()
    at_start(root, context, told)
    story = Story(root, context, parameters)
    story.tell(told)
    data = _document(root, path, ours, context, story, told, town)
    report.rest(root.need("Storyboard"))
    while True:
        text = _header(path, report) + yaml.dump(
            data, Dumper=_Plain, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
        )
        try:
            loaded = scenario.from_document(documents.parse(text, str(out or path.with_suffix(".yaml"))))
        except DocumentError as error:
            leave_out_what_is_refused(error, context, story, told, data)
        else:
            return Imported(text, loaded, report)


def _name(path: Path, out: Path | None) -> str:
    """A scenario's name is that of its file."""
    likely = document_name(path.stem if out is None else out.stem)
    if out is None or (out.suffix == ".yaml" and out.stem == likely):
        return likely
    want = f"want a scenario's name and .yaml, such as {likely}.yaml: {NAME_IN_WORDS}"
    raise DocumentError([Problem("", "--out", f"got {out.name!r}; {want}")])


def _version(root: Element) -> str:
    if root.tag.lower() != "openscenario":
        raise root.wrong("is not OpenSCENARIO; want a file whose first element is OpenSCENARIO")
    header = root.need("FileHeader")
    version = f"{header.word('revMajor')}.{header.word('revMinor')}"
    if version not in _VERSIONS:
        raise header.wrong(f"got version {version}; want one of {', '.join(_VERSIONS)}")
    if root.find("Catalog") is not None:
        raise root.wrong("is a catalog; want a scenario, which finds its catalogs by itself")
    if root.find("ParameterValueDistribution") is not None:
        raise root.wrong("varies another file's parameters; want that file (`--set` gives its parameters)")
    if root.find("Storyboard") is None:
        raise root.wrong("has no Storyboard; want a scenario")
    return version


def _follow_references(root: Element, catalogs: Catalogs) -> None:
    """Put in what routes and trajectories are referred to within positions."""
    for one in root.walk():
        if one.tag == "RouteRef":
            reference = one.find("CatalogReference")
            if reference is not None:
                with suppress(UnsaidError):  # told where the place is asked for
                    one.inside = [catalogs.entry(reference)]


def _town(root: Element, path: Path, base: Path, report: Report) -> tuple[str, Places]:
    """The town as our file names it, and its places."""
    logic = root.find("RoadNetwork", "LogicFile")
    header = root.need("FileHeader").word("description", "")
    mirrored = header.startswith(_CARLAS)
    if logic is None:
        report.needs = "the file names no road network, so ours has the town unknown: play it with --town"
        return "unknown", Places(None, mirrored=mirrored)
    name = logic.word("filepath").replace("\\", "/")
    file = path.parent / name
    if not is_opendrive(name):
        report.needs = f"it needs the map {name}, which is not read here: places are as the file has them"
        town = Path(name).name
        return town if re.fullmatch(TOWN, town) else "unknown", Places(None, mirrored=mirrored)
    if not file.is_file():
        elsewhere = sorted(path.parent.glob(f"../xodr/{Path(name).name}"))
        if not elsewhere:
            raise logic.wrong(f"there is no {file}; want the map beside the scenario", "filepath")
        file = elsewhere[0]
    try:
        places = Places.on(file, file.stem)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise logic.wrong(f"{file} cannot be used: {error}", "filepath") from error
    report.kept(logic)
    return Path(os.path.relpath(file, base)).as_posix(), places


def _document(root: Element, path: Path, name: str, context: Context, story: Story, told: Told, town: str) -> Words:
    by_name = {actor.entity.name: actor for actor in context.actors.values()}
    ego = by_name[EGO]
    duration, certain = _duration(root, context, story)
    if ego.spot is None and ego.coming is not None:
        ego.spot = ego.coming
        context.report.nearly(ego.entity.element, "the ego is there from the start, where it later comes to be")
    if ego.spot is None:
        raise DocumentError([Problem(ego.entity.element.where, "", "nothing says where the ego starts; want a place")])
    if not _is_told_a_speed(root, ego, context):
        ego.starting_mps = ego.speed_mps = _USUAL_MPS
        how = f"its speed is left to its driver: {_USUAL_MPS * KMH:g} km/h"
        context.report.nearly(ego.entity.element, how)
    here = _here(told, by_name)
    actors = {name: _actor(one, told) for name, one in by_name.items() if name in here and name != EGO}
    missing = [one for name, one in by_name.items() if name not in here and name != EGO]
    for one in missing:
        context.report.lost(one.entity.element, "nothing says where it starts, or it is towed", changes=not one.gone)
    gone = {one.entity.name for one in missing}
    story.drop(told, lambda event: bool(gone & set(names_in(event))), "it is about somebody who is lost", changes=False)
    if not certain:
        latest = max((time for event in told.events for time in _begins(event["when"])), default=0.0)
        duration = max(duration, min(latest + _AFTERWARDS_S, LONGEST_S))
    leave_out_what_is_late(story, told, duration, changes=not certain)
    leave_out_who_never_comes(context, story, told, actors)
    header = root.need("FileHeader")
    description = " ".join(header.word("description", "").removeprefix(_CARLAS).split())[:1900] or path.stem
    data: Words = {
        "name": name,
        "description": description,
        "source": f"ASAM OpenSCENARIO {context.report.version}: {path.name}"[:500],
        "duration_s": duration,
        **({"weather": told.weather} if told.weather else {}),
        "road": _road(context, ego, ego.spot, told, town, duration),
        "ego": _ego(ego),
        **({"actors": actors} if actors else {}),
        **({"events": told.events} if told.events else {}),
    }
    return data


def _is_told_a_speed(root: Element, ego: Actor, context: Context) -> bool:
    """Whether the file moves the ego itself, instead of leaving it to whoever drives it."""
    if not any(one.tag in ("Controller", "AssignControllerAction") for one in root.walk()):
        return True
    for group in [*root.all("Storyboard", "Init", "Actions", "Private"), *_groups(root)]:
        refs = [group] if group.tag == "Private" else group.all("Actors", "EntityRef")
        if any(context.actors.get(one.word("entityRef")) is ego for one in refs) and any(
            one.tag in _MOVING for one in group.walk()
        ):
            return True
    return False


def _groups(root: Element) -> list[Element]:
    return root.all("Storyboard", "Story", "Act", "ManeuverGroup")


def _here(told: Told, by_name: Mapping[str, Actor]) -> set[str]:
    placed = {name for name, actor in by_name.items() if actor.spot is not None}
    told.absent |= {str(event["actor"]) for event in told.events if "appear" in done_in(event)} - placed
    return placed | told.absent


def _actor(one: Actor, told: Told) -> Words:
    spot = one.first
    if spot is None:
        raise ValueError(f"{one.entity.name} has no place")
    words: Words = {"body": one.entity.body, "at": {"pose": one.centred(spot).pose()}}
    if one.entity.moves and not one.entity.is_person and one.starting_mps > 0:
        words["speed_kmh"] = rounded(min(one.starting_mps * KMH, FASTEST_KMH))
    if one.entity.name in told.routes:
        words["through"] = told.routes[one.entity.name]
    if one.gone or one.entity.name in told.absent:
        words["absent"] = True
    return words


def _ego(ego: Actor) -> Words:
    body: Words = {} if ego.entity.body == "car" else {"body": ego.entity.body}
    return {**body, "speed_kmh": rounded(min(max(ego.starting_mps, 0.0) * KMH, FASTEST_KMH))}


def _road(context: Context, ego: Actor, spot: Spot, told: Told, town: str, duration: float) -> Words:
    wanted = min(max(max(ego.starting_mps, 10.0) * duration, SHORTEST_ROAD_M), LONGEST_ROAD_M)
    length = max(SHORTEST_ROAD_M, context.places.ahead_m(spot, wanted))
    words: Words = {
        "town": town,
        "length_m": rounded(length, 1),
        "curve": "any",
        "pose": ego.centred(spot).pose(),
    }
    if EGO in told.routes:
        words["through"] = told.routes[EGO]
    return words


def _duration(root: Element, context: Context, story: Story) -> tuple[float, bool]:
    """When the storyboard stops, as far as time says it, else when its acts do; and whether that is all there is."""
    stop = root.find("Storyboard", "StopTrigger")
    acts = [one for act in root.all("Storyboard", "Story", "Act") for one in act.all("StopTrigger")]
    times: list[float] = []
    otherwise = False
    for one in [*([stop] if stop is not None else []), *acts]:
        try:
            held = story.triggers.trigger(one)
        except UnsaidError:
            held = False
        found = _times(held)
        if one is not stop and len(root.all("Storyboard", "Story", "Act")) > 1 and held is not False:
            context.report.lost(one, "an act does not stop before the recording does", changes=True)
        elif isinstance(held, bool) or "time_s" not in held:
            otherwise = otherwise or not isinstance(held, bool)
            context.report.nearly(one, "the recording ends by the clock")
        if one is stop or not times:
            times += [min(found)] if found else []
    duration = times[0] if times else _USUAL_DURATION_S
    if otherwise:  # a time beside another way to stop is there for when that never comes
        duration = min(duration, _LONGEST_OPEN_S)
    return rounded(min(max(duration, 1.0), LONGEST_S)), bool(times) and not otherwise


def _times(held: Held) -> list[float]:
    if isinstance(held, bool):
        return []
    if "time_s" in held:
        return [float(str(held["time_s"])) + float(str(held.get("delay_s", 0.0)))]
    parts = held.get("any")
    return [time for part in parts for time in _times(part)] if isinstance(parts, list) else []


def _begins(when: object) -> list[float]:
    """Times before which an event cannot begin."""
    if not isinstance(when, dict):
        return []
    if "time_s" in when:
        return [float(str(when["time_s"]))]
    parts = when.get("all") or when.get("then") or ()
    times = [time for part in parts for time in _begins(part)]
    return [max(times)] if times else []


def _header(path: Path, report: Report) -> str:
    told = [line.replace(f"{path}:", f"{path.name}:") for line in report.in_words()]
    lines = [f"# Imported from {path.name}, ASAM OpenSCENARIO {report.version}.", *told]
    return "\n".join(line if line.startswith("#") else f"# {line}".rstrip() for line in lines) + "\n\n"
