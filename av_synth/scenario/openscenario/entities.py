"""Who takes part in an OpenSCENARIO file: its entities by our categories, with their sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from av_synth.documents import NAME
from av_synth.errors import DocumentError
from av_synth.scenario.openscenario.catalogs import Catalogs, resolved
from av_synth.scenario.openscenario.report import Report, UnsaidError
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.words import EGO, can_drive, is_person

VEHICLES = {
    "car": "car",
    "van": "van",
    "truck": "truck",
    "semitrailer": "trailer",
    "trailer": "trailer",
    "bus": "bus",
    "motorbike": "motorcycle",
    "bicycle": "bicycle",
}
_INSTEAD = {"train": "bus", "tram": "bus", "none": "car"}
PEDESTRIANS = {"pedestrian": "adult", "wheelchair": "wheelchair", "animal": "animal"}
_THINGS = {"barrier": "barrier", "obstacle": "debris"}
_EGOS = ("ego", "hero", "host", "vut", "sut")
_USUAL_LENGTH_M = 4.5


@dataclass(frozen=True)
class Entity:
    """An actor.

    Attributes:
        name: as we call it.
        body: our category.
        length_m: of its box.
        middle_m: how far its box's middle is ahead of the point that positions tell.
        element: in the file.
        controller: what drives it, as the file says, if it says so.
        towed: names in the file of the trailers that it pulls.
    """

    name: str
    body: str
    length_m: float
    middle_m: float
    element: Element
    controller: Element | None
    towed: tuple[str, ...]

    @property
    def is_person(self) -> bool:
        """Whether it moves as pedestrians do."""
        return is_person(self.body)

    @property
    def moves(self) -> bool:
        """Whether it can move at all."""
        return self.is_person or can_drive(self.body)


def entities(root: Element, catalogs: Catalogs, report: Report) -> dict[str, Entity]:
    """Actors by their names in the file; the ego is called `ego`.

    Raises:
        DocumentError: if there is no vehicle to be the ego, or the file is wrong there.
    """
    found: dict[str, Entity] = {}
    taken = {EGO}
    for one in root.all("Entities", "ScenarioObject"):
        entity = _entity(one, catalogs, _name(one.word("name"), taken), report)
        found[one.word("name")] = entity
        taken.add(entity.name)
    drivers = [name for name, entity in found.items() if can_drive(entity.body)]
    if not drivers:
        raise DocumentError([root.wrong("has no vehicle that could carry the sensors; want one").problems[0]])
    first = min(drivers, key=lambda name: (not _is_ego(found[name].element), drivers.index(name)))
    ego = found[first]
    found[first] = replace(ego, name=EGO)
    for one in root.all("Entities", "EntitySelection"):
        report.lost(one, "selections of entities are not known; its members are", changes=True)
    return found


def _is_ego(element: Element) -> bool:
    properties = [one for one in element.walk() if one.tag == "Property"]
    told = any(one.word("name", "") == "type" and one.word("value", "") == "ego_vehicle" for one in properties)
    return told or element.word("name").lower().startswith(_EGOS)


def plain_name(text: str, otherwise: str) -> str:
    """A name as our files have them."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    name = re.sub(r"[^a-z0-9_]+", "_", words).strip("_")[:36]
    return name if name[:1].isalpha() else f"{otherwise}_{name}".rstrip("_")


def document_name(text: str) -> str:
    """A scenario's name, of a file's."""
    name = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:64]
    return name if re.fullmatch(NAME, name) else "imported"


def _name(text: str, taken: set[str]) -> str:
    name = plain_name(text, "actor")
    number = 2
    while name in taken:
        name, number = f"{plain_name(text, 'actor')}_{number}", number + 1
    return name


def _entity(one: Element, catalogs: Catalogs, name: str, report: Report) -> Entity:
    holder = next((inside for inside in one.inside if inside.tag != "ObjectController"), None)
    if holder is None:
        raise one.wrong("is empty; want a vehicle, a pedestrian or a thing")
    try:
        what = catalogs.entry(holder) if holder.tag == "CatalogReference" else holder
        body, how = _body(what)
    except UnsaidError as error:
        what, body = holder, _guess(holder)
        how = f"{error}: a {body}, by its name"
    if how:
        report.nearly(one, how)
    else:
        report.kept(one)
    if what.tag == "ExternalObjectReference":
        report.lost(what, "it is described in another format", changes=True)
    towed = tuple(inside.word("entityRef", "") for inside in what.walk() if inside.tag == "TrailerRef")
    controller = one.find("ObjectController")
    driven = None
    if controller is not None and controller.inside:
        report.lost(controller, "who drives it is said by its events, and by the ego's `driver`", changes=False)
        try:
            driven = resolved(controller, catalogs)
        except UnsaidError as error:
            report.lost(controller, str(error), changes=False)
    length, middle = _USUAL_LENGTH_M, 0.0
    box = what.find("BoundingBox")
    if box is not None:
        length, middle = box.need("Dimensions").number("length"), box.need("Center").number("x")
    return Entity(name, body, length, middle, one, driven, towed)


def _guess(reference: Element) -> str:
    """What an entry of a catalog that is not here may be."""
    label = f"{reference.word('catalogName')} {reference.word('entryName')}".lower()
    if re.search("pedestrian|walker|person|people", label):
        return "adult"
    known = {**VEHICLES, "motor": "motorcycle", "bike": "bicycle", "cycl": "bicycle", "misc": "debris"}
    return next((body for word, body in known.items() if word in label.split()[-1]), "car")


def _body(what: Element) -> tuple[str, str]:
    """Our category, and how it differs if it does."""
    ours = next((one for one in what.walk() if one.given.get("name") == "av_synth.body"), None)
    if ours is not None:  # of a file that we wrote
        return ours.word("value"), ""
    if what.tag == "Vehicle":
        kind = what.word("vehicleCategory")
        if kind in VEHICLES:
            return VEHICLES[kind], ""
        return _INSTEAD.get(kind, "car"), f"a {kind} is played by a {_INSTEAD.get(kind, 'car')}"
    if what.tag == "Pedestrian":
        kind = what.word("pedestrianCategory", "pedestrian")
        label = f"{what.word('name', '')} {what.word('model', '')}{what.word('model3d', '')}".lower()
        if kind == "pedestrian" and re.search("child|kid|boy|girl", label):
            return "child", ""
        return PEDESTRIANS.get(kind, "adult"), "" if kind in PEDESTRIANS else f"a {kind} is played by an adult"
    kind = what.word("miscObjectCategory", "none")
    return _THINGS.get(kind, "debris"), "" if kind == "barrier" else f"a thing ({kind}) of another shape and size"
