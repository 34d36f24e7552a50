"""Profiles: which habits of Unreal's server this simulator takes on, each a switch with the source of the habit.

`native` has none of them. `ue4` has all that a stock CARLA 0.9.16 is reported to have. None was measured on a real
server: docs/reference/ue4-profile.md has the list with how the toolkit lives with each. `detuned` is `native` with
other dynamics, to try on it what was found on `native` (docs/how-to/search.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from av_synth.errors import DocumentError, Problem
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.scene import Tag

BLANK_FRAMES = 3  # of a camera after its spawn
SETTLING_FRAMES = 20  # until its exposure is right
WEATHER_FRAMES = 8  # until cameras show a change
SPAWN_LIFT_M = 0.02  # a body whose lowest point is nearer to the ground than this collides with it
OBJECT_BITS, FEW_OBJECT_BITS = 16, 5
WRONG_EVERY = 50  # frames of a depth camera
_CAPSULE_RADIUS_M = 0.1877  # of CARLA's walkers
WORN_GRIP, LADEN_MASS = 0.8, 1.15
_OFF_NOMINAL = "no simulator is like another: a search must hold on one that differs"
_MIRROR_M = 0.2  # how far one mirror sticks out of the box of a truck or a bus
_LARGE_M = 5.0  # vehicles of these classes and beyond this length have such mirrors

_WORD = re.compile(r"[+-]?[a-z0-9_]+")
# The library of CARLA 0.9.16. Source: Docs/bp_library.md, and its catalogues of vehicles, pedestrians and props.
# fmt: off
STOCK_VEHICLES = frozenset((
    "audi.a2", "audi.etron", "audi.tt", "bh.crossbike", "bmw.grandtourer", "carlamotors.carlacola",
    "carlamotors.european_hgv", "carlamotors.firetruck", "chevrolet.impala", "citroen.c3", "diamondback.century",
    "dodge.charger_2020", "dodge.charger_police", "dodge.charger_police_2020", "ford.ambulance", "ford.crown",
    "ford.mustang", "gazelle.omafiets", "harley-davidson.low_rider", "jeep.wrangler_rubicon", "kawasaki.ninja",
    "lincoln.mkz_2017", "lincoln.mkz_2020", "mercedes.coupe", "mercedes.coupe_2020", "mercedes.sprinter",
    "micro.microlino", "mini.cooper_s", "mini.cooper_s_2021", "mitsubishi.fusorosa", "nissan.micra", "nissan.patrol",
    "nissan.patrol_2021", "seat.leon", "tesla.cybertruck", "tesla.model3", "toyota.prius", "vespa.zx125",
    "volkswagen.t2", "volkswagen.t2_2021", "yamaha.yzf",
))
# without static.prop.mesh, which wants a mesh of the engine; bikeparking is of older versions
STOCK_PROPS = frozenset((
    "advertisement", "atm", "barbeque", "barrel", "bench01", "bench02", "bench03", "bike helmet", "bikeparking",
    "bin", "box01", "box02", "box03", "briefcase", "brokentile01", "brokentile02", "brokentile03", "brokentile04",
    "busstop", "busstoplb", "calibrator", "chainbarrier", "chainbarrierend", "clothcontainer", "clothesline",
    "colacan", "constructioncone", "container", "creasedbox01", "creasedbox02", "creasedbox03", "dirtdebris01",
    "dirtdebris02", "dirtdebris03", "doghouse", "foodcart", "fountain", "garbage01", "garbage02", "garbage03",
    "garbage04", "garbage05", "garbage06", "gardenlamp", "glasscontainer", "gnome", "guitarcase", "haybale",
    "haybalelb", "ironplank", "kiosk_01", "mailbox", "maptable", "mobile", "motorhelmet", "pergola", "plantpot01",
    "plantpot02", "plantpot03", "plantpot04", "plantpot05", "plantpot06", "plantpot07", "plantpot08", "plasticbag",
    "plasticchair", "plastictable", "platformgarbage01", "purse", "shoppingbag", "shoppingcart", "shoppingtrolley",
    "slide", "streetbarrier", "streetfountain", "streetsign", "streetsign01", "streetsign04", "swing", "swingcouch",
    "table", "trafficcone01", "trafficcone02", "trafficwarning", "trampoline", "trashbag", "trashcan01", "trashcan02",
    "trashcan03", "trashcan04", "trashcan05", "travelcase", "vendingmachine", "warningaccident",
    "warningconstruction", "wateringcan",
))
# fmt: on
STOCK_WALKERS = frozenset(f"pedestrian.{number:04d}" for number in range(1, 53))


def _habit(what: str, source: str, *, usual: bool = True) -> bool:
    """A switch that is off in `native`; `usual` ones are on in `ue4`."""
    switch: bool = field(default=False, metadata={"what": what, "source": source, "usual": usual})
    return switch


@dataclass(frozen=True)
class Profile:
    """The habits that are on. The metadata of each field says what it does (`what`) and who reports it (`source`)."""

    name: str = "native"
    stock_library: bool = _habit(
        "no blueprint, attribute or sensor named avsynth.*, and no body that CARLA lacks", "CARLA 0.9.16, bp_library.md"
    )
    object_ids: bool = _habit(
        "instance cameras give the engine's object ids, cut to 16 bits; static things have ids, too",
        "CARLA, Tagger.cpp (GetUniqueID); carla#4938, #6636",
    )
    colliding_ids: bool = _habit(
        "object ids are cut to 5 bits, so that many things share one", "carla#6325: ids do not fit", usual=False
    )
    level_cars: bool = _habit("parked cars are parts of the town, not actors", "carla#2343")
    reported_boxes: bool = _habit(
        "walkers' boxes are capsules, two-wheelers' have no width, mirrors widen those of trucks and buses",
        "carla#9332, #8767; #3670, #5841; #7089",
    )
    spawn_lift: bool = _habit("a body that is spawned touching the ground is refused", "known from use")
    blank_first_frames: bool = _habit(
        "a camera's first images are black and the next ones too bright", "carla#2455, #3443"
    )
    late_images: bool = _habit("images come some time after the tick, the last camera's first", "carla#4757")
    wrong_frames: bool = _habit("now and then a depth image is of the frame before", "carla#3391, #5923", usual=False)
    late_weather: bool = _habit("cameras show a change of weather some frames later", "carla#1606, #3443")
    drifting_sensor_tick: bool = _habit(
        "what is left of a sensor_tick that is no multiple of the tick is forgotten", "carla#3653, #4997"
    )
    mute_observer: bool = _habit("who connects to a synchronous world hears nothing before its next tick", "carla#2809")
    worn_tyres: bool = _habit("tyres have a fifth less grip", _OFF_NOMINAL, usual=False)
    laden: bool = _habit("vehicles weigh 15 % more, with the same engine and brakes", _OFF_NOMINAL, usual=False)
    late_controls: bool = _habit("a vehicle's control acts one tick late", _OFF_NOMINAL, usual=False)

    @property
    def object_bits(self) -> int:
        """How many bits of an object's id reach the image."""
        return FEW_OBJECT_BITS if self.colliding_ids else OBJECT_BITS

    def offers(self, blueprint_id: str) -> bool:
        """Whether a blueprint is in the library."""
        if not self.stock_library:
            return True
        family, _, name = blueprint_id.partition(".")
        if family == "vehicle":
            return name in STOCK_VEHICLES
        if family == "walker":
            return name in STOCK_WALKERS
        if blueprint_id.startswith("static.prop."):
            return name.removeprefix("prop.") in STOCK_PROPS
        return "avsynth" not in blueprint_id

    def box(self, body: Body) -> tuple[Array, Array]:
        """Centre and half sizes (3,) of the bounding box that clients are told, in the actor's frame."""
        centre, half = body.box_centre_m.copy(), body.box_half_m.copy()
        if not self.reported_boxes:
            return centre, half
        if body.kind == "walker":
            return np.zeros(3), np.array([_CAPSULE_RADIUS_M, _CAPSULE_RADIUS_M, half[2] - centre[2]])
        if body.tag in (Tag.MOTORCYCLE, Tag.BICYCLE):
            return centre + half * [0.0, 1.0, 0.0], half * [1.0, 0.0, 1.0]
        if body.tag in (Tag.TRUCK, Tag.BUS) and 2.0 * half[0] > _LARGE_M:
            mirror = np.array([0.0, _MIRROR_M / 2.0, 0.0])
            return centre + mirror, half + mirror
        return centre, half


NATIVE = Profile()
SWITCHES = tuple(each.name for each in fields(Profile) if each.metadata)
UE4 = replace(NATIVE, name="ue4", **{each.name: True for each in fields(Profile) if each.metadata.get("usual")})
DETUNED = replace(NATIVE, name="detuned", worn_tyres=True, laden=True, late_controls=True)
PROFILES = {profile.name: profile for profile in (NATIVE, UE4, DETUNED)}


def parse_profile(text: str) -> Profile:
    """Read `native`, `ue4`, `detuned`, or one of them with switches turned on or off: `ue4+colliding_ids-late_images`.

    Raises:
        DocumentError: if there is no such profile or switch.
    """
    words = _WORD.findall(text)
    if not words or "".join(words) != text or words[0] not in PROFILES:
        wanted = f"{' or '.join(PROFILES)}, and +SWITCH or -SWITCH behind it"
        raise DocumentError([Problem("", "--profile", f"got {text!r}; want {wanted}")])
    profile = PROFILES[words[0]]
    for word in words[1:]:
        if word[1:] not in SWITCHES:
            raise DocumentError(
                [Problem("", "--profile", f"no switch {word[1:]!r}; want one of {', '.join(SWITCHES)}")]
            )
        profile = replace(profile, name=text, **{word[1:]: word[0] == "+"})
    return profile


def object_ids(actor_id: npt.NDArray[np.uint32], tag: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint32]:
    """The engine's ids (H, W) of what pixels show, cut to some bits.

    Actors have ids that follow from their number, without order and not always their own; static things share one by
    class, as instanced meshes do; the sky has 0.

    Args:
        actor_id: (H, W), 0 for the town and the sky.
        tag: (H, W), `Tag`.
        bits: how many are left.
    """
    number = np.where(actor_id == 0, np.uint32(1 << 20) + tag, actor_id).astype(np.uint32)
    mixed = number * np.uint32(0x9E3779B1)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x85EBCA77)
    mixed ^= mixed >> np.uint32(13)
    cut: npt.NDArray[np.uint32] = mixed & np.uint32((1 << bits) - 1)
    cut[(actor_id == 0) & ((tag == Tag.SKY) | (tag == Tag.NONE))] = 0
    return cut
