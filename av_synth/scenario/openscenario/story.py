"""The storyboard of OpenSCENARIO: what is so at the start, and what happens then, as our events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from av_synth.scenario.openscenario.actions import lasts_s, manoeuvres, relative_mps, through
from av_synth.scenario.openscenario.conditions import Held, Part, Triggers, path_of
from av_synth.scenario.openscenario.context import Actor, Context, Happening, Words
from av_synth.scenario.openscenario.entities import plain_name
from av_synth.scenario.openscenario.lines import first_spot
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.surroundings import weather
from av_synth.scenario.openscenario.tree import Element

_HOLDERS = ("Story", "Act", "ManeuverGroup", "Maneuver")
_KINDS = ("story", "act", "maneuverGroup", "maneuver", "event", "action")


@dataclass
class Told:
    """What the storyboard comes to in our words.

    Attributes:
        events: ours, in the file's order.
        weather: at the start.
        routes: places that somebody's way leads through, by our name.
        absent: who is not there at the start, by name in the file.
    """

    events: list[Words] = field(default_factory=list)
    weather: Words = field(default_factory=dict)
    routes: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)


def place_all(root: Element, context: Context) -> None:
    """Put everybody where the file has them at the start, and give them their speeds."""
    placing = list(_placing(root, context))
    # positions and speeds at the start are told by each other, in any order; some are in circles, and never settle
    for _ in placing:
        before = [(actor.spot, actor.starting_mps) for actor in context.actors.values()]
        for actor, action in placing:
            teleport = action.find("TeleportAction")
            line = action.find("RoutingAction", "FollowTrajectoryAction")
            adding = action.find("AddEntityAction")
            holder = teleport or adding
            try:
                if holder is not None:
                    actor.spot = context.places.find(holder.need("Position"), context.spots)
                elif line is not None and actor.spot is None:
                    actor.spot = first_spot(context, line)
            except UnsaidError:
                continue
            speed = action.find("LongitudinalAction", "SpeedAction")
            if speed is not None:
                _starting_speed(context, actor, speed)
        if before == [(actor.spot, actor.starting_mps) for actor in context.actors.values()]:
            return


def at_start(root: Element, context: Context, told: Told) -> None:
    """What is so at the start, and what begins then."""
    for action in root.all("Storyboard", "Init", "Actions", "GlobalAction"):
        try:
            told.weather |= _global(context, action)
        except UnsaidError as error:
            context.report.lost(action, str(error), changes=action.find("EnvironmentAction") is None)
    for actor, action in _private(root, context):
        try:
            _starts(context, action, actor, told)
        except UnsaidError as error:
            context.report.lost(action.inside[0], str(error), changes=True)


def _starts(context: Context, action: Element, actor: Actor, told: Told) -> None:
    report = context.report
    teleport, speed = action.find("TeleportAction"), action.find("LongitudinalAction", "SpeedAction")
    gap = action.find("LongitudinalAction", "LongitudinalDistanceAction")
    route = next((one for one in action.walk() if one.tag in ("AssignRouteAction", "AcquirePositionAction")), None)
    if teleport is not None:
        context.places.find(teleport.need("Position"), context.spots)
        report.kept(teleport)
        return
    if route is not None and actor.entity.moves and not actor.entity.is_person:
        told.routes.setdefault(actor.entity.name, []).extend(through(context, route, actor))
        report.kept(route)
        return
    if speed is not None and not actor.entity.is_person:
        step = speed.need("SpeedActionDynamics").word("dynamicsShape") == "step"
        relative = speed.find("SpeedActionTarget", "RelativeTargetSpeed")
        if step and actor.starting_mps >= 0 and (relative is None or not relative.flag("continuous")):
            if not actor.entity.moves and actor.speed_mps:
                raise UnsaidError(f"a {actor.entity.body} does not move")
            report.kept(speed)
            return
    if gap is not None and not gap.flag("continuous") and gap.find("DynamicConstraints") is None:
        _move_to_gap(context, gap, actor)
        report.kept(gap)
        return
    for do in manoeuvres(context, action, actor):
        told.events.append({"actor": actor.entity.name, "when": {"time_s": 0.0}, "do": do})


def _move_to_gap(context: Context, gap: Element, actor: Actor) -> None:
    """A distance without limits of its change is there at once."""
    other = context.actor(gap)
    if actor.spot is None or other.spot is None:
        raise UnsaidError("nothing says where the two are")
    behind, ahead = (other, actor) if _is_ahead(gap, actor, other) else (actor, other)
    apart = gap.number("timeGap") * behind.speed_mps if gap.given.get("timeGap") else gap.number("distance")
    if gap.flag("freespace"):
        apart += behind.entity.middle_m + behind.entity.length_m / 2.0
        apart += ahead.entity.length_m / 2.0 - ahead.entity.middle_m
    along, _ = actor.spot.seen_from(other.spot)
    missing = apart - abs(along)
    move = missing if _is_ahead(gap, actor, other) else -missing
    step = Element("RelativeLanePosition", gap.where, {"entityRef": "itself", "ds": str(move), "dLane": "0"})
    holder = Element("Position", gap.where, {}, [step])
    actor.spot = context.places.find(holder, {"itself": actor.spot})


def _is_ahead(gap: Element, actor: Actor, other: Actor) -> bool:
    told = gap.word("displacement", "any")
    if told in ("leadingReferencedEntity", "trailingReferencedEntity"):
        return told == "leadingReferencedEntity"
    return actor.spot is not None and other.spot is not None and actor.spot.seen_from(other.spot)[0] > 0


def _starting_speed(context: Context, actor: Actor, speed: Element) -> None:
    absolute = speed.find("SpeedActionTarget", "AbsoluteTargetSpeed")
    relative = speed.find("SpeedActionTarget", "RelativeTargetSpeed")
    if speed.need("SpeedActionDynamics").word("dynamicsShape") != "step":
        return
    if absolute is not None:
        actor.speed_mps = absolute.number("value")
    elif relative is not None:
        actor.speed_mps = relative_mps(context, relative)
    actor.starting_mps = actor.speed_mps


def _placing(root: Element, context: Context) -> Iterator[tuple[Actor, Element]]:
    """The actions at the start that can place somebody."""
    for one in root.all("Storyboard", "Init", "Actions", "GlobalAction", "EntityAction"):
        yield context.actor(one), one
    yield from _private(root, context)


def _private(root: Element, context: Context) -> Iterator[tuple[Actor, Element]]:
    for group in root.all("Storyboard", "Init", "Actions", "Private"):
        for action in group.all("PrivateAction"):
            if action.inside:
                yield context.actor(group), action


def _global(context: Context, action: Element) -> Words:
    """The weather of a global action at the start, if it is about that."""
    one = action.inside[0] if action.inside else action
    if one.tag == "EnvironmentAction":
        return weather(context, one)
    if one.tag == "EntityAction" and one.inside:
        actor, adding = context.actor(one), one.find("AddEntityAction")
        if adding is None:
            actor.gone = True
        else:
            actor.gone = False
            actor.spot = context.places.find(adding.need("Position"), context.spots)
        context.report.kept(one)
        return {}
    context.report.lost(one, f"there is nothing such as {one.tag}", changes=one.tag != "UserDefinedAction")
    return {}


class Story:
    """The storyboard after the start.

    Args:
        root: of the file.
        context: see there.
        parameters: their values.
    """

    def __init__(self, root: Element, context: Context, parameters: dict[str, str]) -> None:
        self._root, self._context = root, context
        self._groups: list[tuple[Happening, list[Actor]]] = []
        self._elements: dict[str, Element] = {}
        parts: dict[int, Part] = {}
        settings: dict[str, list[tuple[Happening, str]]] = {}
        for one in root.need("Storyboard").walk():
            if one.tag in _HOLDERS and not any(inside.tag in ("Event", "CatalogReference") for inside in one.walk()):
                context.report.kept(one)  # there is nothing in it
        for story in root.all("Storyboard", "Story"):
            for act in story.all("Act"):
                for group in act.all("ManeuverGroup"):
                    maneuvers = list(self._maneuvers(group))
                    actors = self._actors(group, maneuvers)
                    for maneuver in maneuvers:
                        for event in maneuver.all("Event"):
                            happening = Happening(event, act.find("StartTrigger"))
                            self._groups.append((happening, actors))
                            for name, value in _settings(event):
                                settings.setdefault(name, []).append((happening, value))
                            for action in event.all("Action") or [event]:
                                _enter(parts, (story, act, group, maneuver, event, action), happening)
        variables = root.all("VariableDeclarations", "VariableDeclaration")
        values = {**{one.word("name"): one.word("value", "") for one in variables}, **parameters}
        self.triggers = Triggers(context, list(parts.values()), values, settings)

    def tell(self, told: Told) -> None:
        """Add what happens to what is told: what everybody does first, then when."""
        self._context.starting = False
        names: set[str] = set()
        doing = [self._doing(happening, actors, names) for happening, actors in self._groups]
        for (happening, _), actions in zip(self._groups, doing, strict=True):
            if not actions:
                start = happening.element.find("StartTrigger")
                if start is not None and any(_settings(happening.element)):
                    self._context.report.kept(start)  # as the trigger of who asks for the value
                elif start is not None:
                    self._context.report.lost(start, "nothing that it starts is played", changes=False)
                continue
            try:
                held = self.triggers.of(happening)
            except UnsaidError as error:
                self._context.report.lost(happening.element, str(error), changes=True)
                continue
            if held is False:
                self._context.report.lost(happening.element, "its trigger can never hold", changes=False)
                continue
            self._report_stop(happening)
            for name, action in zip(happening.names, actions, strict=True):
                told.events.append({"name": name, **self._when(happening, held, action)})
        self._idle()

    def _idle(self) -> None:
        """Starts of acts in which nothing of ours happens."""
        for act in self._root.all("Storyboard", "Story", "Act"):
            start = act.find("StartTrigger")
            if start is not None and not self._context.report.knows(start):
                self._context.report.lost(start, "nothing that it starts is played", changes=False)

    def drop(self, told: Told, which: Callable[[Words], bool], why: str, *, changes: bool) -> None:
        """Leave out events, and say so."""
        for event in [one for one in told.events if which(one)]:
            told.events.remove(event)
            element = self._elements.get(str(event.get("name")), self._root.need("Storyboard", "Init"))
            self._context.report.lost(element, why, changes=changes)

    def drop_waiting(self, told: Told) -> None:
        """Leave out events that wait for one that is not there."""
        before = -1
        while before != len(told.events):
            before = len(told.events)
            known = {str(event.get("name")) for event in told.events}

            def waits(event: Words, known: set[str] = known) -> bool:
                return not set(_waits_for(event.get("when"))) <= known

            self.drop(told, waits, "it waits for an event that is lost", changes=True)

    def _when(self, happening: Happening, held: Held, action: Words) -> Words:
        when: Words = {"time_s": 0.0} if isinstance(held, bool) else held
        again = int(min(happening.element.number("maximumExecutionCount", 1.0), 1000.0))
        # one whose trigger cannot hold twice happens once
        repeats = again > 1 and not {"time_s", "travelled_m", "after", "then"} & when.keys()
        several: Words = {"times": again} if repeats else {}
        if "do" not in action:
            return {"when": when, **several, **action}
        return {"actor": action["actor"], "when": when, **several, "do": action["do"]}

    def _report_stop(self, happening: Happening) -> None:
        if happening.element.word("priority", "overwrite") == "skip":
            self._context.report.nearly(happening.element, "it is not skipped while another event goes on")

    def _doing(self, happening: Happening, actors: list[Actor], names: set[str]) -> list[Words]:
        found: list[Words] = []
        lasting: list[float | None] = []
        for action in happening.element.all("Action"):
            private = action.find("PrivateAction")
            one = private or action.find("GlobalAction") or action.find("UserDefinedAction")
            if one is None or not one.inside:
                self._context.report.lost(action, "it is empty", changes=False)
                continue
            if private is None:
                try:
                    found += self._worldwide(one)
                except UnsaidError as error:
                    self._context.report.lost(one, str(error), changes=one.find("EnvironmentAction") is None)
                lasting.append(0.0)
                continue
            lasting.append(lasts_s(private))
            for actor in actors:
                try:
                    told = manoeuvres(self._context, private, actor)
                except UnsaidError as error:
                    self._context.report.lost(one.inside[0], str(error), changes=error.changes)
                    continue
                found += [{"actor": actor.entity.name, "do": do} for do in told]
        if any(one.get("do") == {"fall": {}} for one in found):  # who lies does not stand up to stand still
            found = [one for one in found if one.get("do") != {"wait": {}}]
        base = plain_name(happening.element.word("name", ""), "event")
        for number, _ in enumerate(found):
            name = base if number == 0 else f"{base}_{number + 1}"
            while name in names:
                number += 1
                name = f"{base}_{number + 1}"
            names.add(name)
            happening.names.append(name)
            self._elements[name] = happening.element
        if lasting and all(one is not None for one in lasting):
            happening.lasts_s = max(one or 0.0 for one in lasting)
        return found

    def _worldwide(self, action: Element) -> list[Words]:
        one = action.inside[0]
        if any(_settings(action)):
            self._context.report.kept(one)  # in the triggers that ask for it
            return []
        if one.tag == "EnvironmentAction":
            return [{"weather": weather(self._context, one)}]
        if one.tag == "EntityAction" and one.inside:
            actor, what = self._context.actor(one), one.inside[0]
            if what.tag == "DeleteEntityAction":
                if actor.entity.name == "ego":
                    self._context.report.lost(one, "the ego cannot vanish", changes=True)
                    return []
                self._context.report.kept(one)
                return [{"actor": actor.entity.name, "do": {"vanish": {}}}]
            spot = self._context.find(what.need("Position"))
            actor.coming = actor.coming or spot
            self._context.report.kept(one)
            return [{"actor": actor.entity.name, "do": {"appear": {"at": actor.centred(spot).pose()}}}]
        self._context.report.lost(one, f"there is nothing such as {one.tag}", changes=True)
        return []

    def _actors(self, group: Element, maneuvers: list[Element]) -> list[Actor]:
        actors = group.find("Actors")
        if actors is None:
            return []
        named = {one.word("entityRef") for one in actors.all("EntityRef")}
        triggering = {
            one.word("entityRef")
            for maneuver in maneuvers
            for each in maneuver.walk()
            if each.tag == "TriggeringEntities"
            for one in each.all("EntityRef")
        }
        # those who are named act in any case
        if actors.flag("selectTriggeringEntities") and not triggering <= named:
            self._context.report.lost(actors, "who acts is not chosen by who triggered", changes=True)
        else:
            self._context.report.kept(actors)
        return [self._context.actor(one) for one in actors.all("EntityRef")]

    def _maneuvers(self, group: Element) -> Iterator[Element]:
        times = group.number("maximumExecutionCount", 1.0)
        if times > 1:
            self._context.report.nearly(group, f"it happens once instead of up to {times:g} times")
        for one in group.inside:
            if one.tag == "Maneuver":
                yield one
            elif one.tag == "CatalogReference":
                try:
                    maneuver = self._context.catalogs.entry(one)
                except UnsaidError as error:
                    self._context.report.lost(one, str(error), changes=True)
                    continue
                self._context.report.kept(one)
                yield maneuver


def _enter(parts: dict[int, Part], around: Sequence[Element], happening: Happening) -> None:
    """Note an event below each of the elements around one of its actions, by their names."""
    for number, (kind, element) in enumerate(zip(_KINDS, around, strict=True), start=1):
        path = path_of(*(one.word("name", "") for one in around[:number]))
        part = parts.setdefault(id(element), Part(element, kind, path))
        if not part.happenings or part.happenings[-1] is not happening:
            part.happenings.append(happening)


def _settings(element: Element) -> Iterator[tuple[str, str]]:
    """The parameters and variables that actions inside an element set, with the values."""
    for one in element.walk():
        setting = one.find("SetAction")
        if one.tag in ("ParameterAction", "VariableAction") and setting is not None:
            yield one.word("parameterRef", one.word("variableRef", "")).lstrip("$"), setting.word("value")


def _waits_for(when: object) -> Iterator[str]:
    if isinstance(when, dict):
        for key, value in when.items():
            if key == "after":
                yield str(value["event"])
            else:
                yield from _waits_for(value)
    elif isinstance(when, list):
        for one in when:
            yield from _waits_for(one)
