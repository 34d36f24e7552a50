"""What clients are answered about recordings: texts, as CARLA words and aligns them.

Source: CARLA, CarlaRecorderQuery.cpp and CarlaReplayer.cpp. Numbers are written as a C++ stream does, six digits.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from av_synth.errors import LogError
from av_synth.recording import format as layout
from av_synth.recording.model import Added, Frame, Recording
from av_synth.recording.physics import Physics

_MOST_CHARACTERS = 32_000_000
_CATEGORIES = "ovwt"
_ANY, _HERO = "a", "h"
_LAMPS = (
    *(("Position", 0), ("LowBeam", 1), ("HighBeam", 2), ("Brake", 3), ("RightBlinker", 4), ("LeftBlinker", 5)),
    *(("Reverse", 6), ("Interior", 8), ("Fog", 7), ("Special1", 9), ("Special2", 10)),
)
"""Bits of CARLA's VehicleLightState, in the order in which its texts have them."""
_PHYSICS = (
    *("max_rpm", "MOI", "damping_rate_full_throttle", "damping_rate_zero_throttle_clutch_engaged"),
    *("damping_rate_zero_throttle_clutch_disengaged", "use_gear_auto_box", "clutch_strength", "final_ratio", "mass"),
    "drag_coefficient",
)
_WHEEL = ("tire_friction", "damping_rate", "max_steer_angle", "radius", "max_brake_torque", "max_handbrake_torque")
_DOORS = ("Front Left", "Front Right", "Rear Left", "Rear Right", "Hood", "Trunk", "All")


def not_found(path: object) -> str:
    """What is said of a file that is not there."""
    return f"File {path} not found on server\n"


def file_info(recording: Recording, *, everything: bool) -> str:
    """What `show_recorder_file_info` answers: comings and goings, or everything that is read of each frame.

    Raises:
        LogError: if that is too long for an answer.
    """
    return _joined(recording.name, _info(recording, everything))


def _info(recording: Recording, everything: bool) -> Iterator[str]:
    yield from _head(recording)
    for frame in recording.frames:
        lines = [*_events(frame), *(_states(frame) if everything else ())]
        if lines or everything:
            yield f"Frame {frame.number} at {frame.elapsed_s:g} seconds"
            yield from lines
            yield ""
    yield from _end(recording, f"{recording.frames[-1].elapsed_s:g}")


def collisions(recording: Recording, first: str, second: str) -> str:
    """What `show_recorder_collisions` answers: where contacts begin.

    Args:
        recording: which.
        first: kind of who collides: o other, v vehicle, w walker, t traffic light, h hero, a any.
        second: kind of what with.

    Raises:
        LogError: if there is no such kind, or the answer is too long.
    """
    for kind in (first, second):
        if kind not in (*_CATEGORIES, _HERO, _ANY):
            raise LogError(f"show_recorder_collisions: got type {kind!r}; want one of o, v, w, t, h, a")
    return _joined(recording.name, _collisions(recording, first, second))


def _collisions(recording: Recording, first: str, second: str) -> Iterator[str]:
    yield from _head(recording)
    yield f"{'Time':>8} {'Types':>6} {'Id':>6} {'Actor 1':<35} {'Id':>6} {'Actor 2':<35}"
    actors: dict[int, Added] = {}
    before: set[tuple[int, int]] = set()
    duration = f"{recording.frames[-1].elapsed_s:g}"
    for frame in recording.frames:
        actors |= {added.actor_id: added for added in frame.added}
        now = set()
        for _, one, other, hero, other_hero in frame.records(layout.COLLISION).tolist():
            kinds = _kind(actors.get(one)), _kind(actors.get(other))
            if first not in (_ANY, kinds[0], _HERO if hero else ""):
                continue
            if second not in (_ANY, kinds[1], _HERO if other_hero else ""):
                continue
            now.add((one, other))
            if (one, other) not in before:
                names = _name(actors.get(one)), _name(actors.get(other))
                when = f"{frame.elapsed_s:>8.0f}   {kinds[0]} {kinds[1]} "
                yield f"{when} {one:>6} {names[0]:<35} {other:>6} {names[1]:<35}"
                duration = f"{recording.frames[-1].elapsed_s:.0f}"  # CARLA's stream keeps the format of a row
        before = now
    yield from _end(recording, duration)


def actors_blocked(recording: Recording, least_s: float, least_cm: float) -> str:
    """What `show_recorder_actors_blocked` answers: who stood, the longest first.

    Args:
        recording: which.
        least_s: for at least so long.
        least_cm: who has moved less than this since it moved last stands.

    Raises:
        LogError: if the answer is too long.
    """
    rows = sorted(_stays(recording, least_s, least_cm), key=lambda row: -row[3])
    lines = [f"{begun:>8.0f} {who:>6} {name:<35} {stood:>10.0f}" for begun, who, name, stood in rows]
    title = f"{'Time':>8} {'Id':>6} {'Actor':<35} {'Duration':>10}"
    end = _end(recording, f"{recording.frames[-1].elapsed_s:g}")
    return _joined(recording.name, [*_head(recording), title, *lines, *end])


def _stays(recording: Recording, least_s: float, least_cm: float) -> Iterator[tuple[float, int, str, float]]:
    """Since when who stood how long."""
    names: dict[int, str] = {}
    last: dict[int, Any] = {}
    begun: dict[int, float] = {}
    stood: dict[int, float] = {}
    for frame, after in zip(recording.frames, [*recording.frames[1:], recording.frames[-1]], strict=True):
        names |= {added.actor_id: added.type_id for added in frame.added}
        step_s = after.elapsed_s - frame.elapsed_s
        rows = frame.records(layout.POSITION)
        for who, place in zip(rows["actor_id"].tolist(), rows["location_cm"], strict=True):
            if who in last and float(np.linalg.norm(place - last[who])) < least_cm:
                begun.setdefault(who, frame.elapsed_s)
                stood[who] = stood.get(who, 0.0) + step_s
                continue
            if stood.get(who, 0.0) >= least_s and who in begun:
                yield begun[who], who, names.get(who, ""), stood[who]
            stood[who], last[who] = 0.0, place
            begun.pop(who, None)
    for who, since in begun.items():
        if stood[who] >= least_s:
            yield since, who, names.get(who, ""), stood[who]


def replaying(
    path: object, total_s: float, played_s: tuple[float, float], factor: float, ignored: Iterable[str], left_out: str
) -> str:
    """What `replay_file` answers.

    Args:
        path: of the file.
        total_s: how long it is.
        played_s: from when to when it is played.
        factor: recorded seconds in a second.
        ignored: who is ignored.
        left_out: blueprints that there are not, '' if there are all.
    """
    lines = [
        f"Replaying File: {path}",
        f"Total time recorded: {total_s:g}",
        f"Replaying from {played_s[0]:g} s - {played_s[1]:g} s ({total_s:g} s) at {factor:.1f}x",
        *(f"Ignoring {who}" for who in ignored),
    ]
    if left_out:
        lines.append(f"Left out, there is no such blueprint: {left_out}")
    return "\n".join([*lines, ""])


def _joined(name: str, lines: Iterable[str]) -> str:
    parts, length = [], 0
    for line in lines:
        parts += [line, "\n"]
        length += len(line) + 1
        if length > _MOST_CHARACTERS:
            raise LogError(f"{name}: more than {_MOST_CHARACTERS:,} characters to tell; ask for less")
    return "".join(parts)


def _head(recording: Recording) -> Iterator[str]:
    yield f"Version: {layout.VERSION}"
    yield f"Map: {recording.map_name}"
    try:
        date = time.strftime("%m/%d/%y %H:%M:%S", time.localtime(recording.date_s))
    except (ValueError, OverflowError, OSError):
        date = str(recording.date_s)
    yield f"Date: {date}"
    yield ""


def _end(recording: Recording, duration: str) -> Iterator[str]:
    yield ""
    yield f"Frames: {recording.frames[-1].number}"
    yield f"Duration: {duration} seconds"


def _kind(added: Added | None) -> str:
    return _CATEGORIES[added.kind] if added is not None and added.kind < len(_CATEGORIES) else "o"


def _name(added: Added | None) -> str:
    return "" if added is None else added.type_id


def _triple(values: Any) -> str:
    return "(" + ", ".join(f"{float(value) + 0.0:g}" for value in values) + ")"


def _events(frame: Frame) -> Iterator[str]:
    for added in frame.added:
        yield f" Create {added.actor_id}: {added.type_id} ({added.kind}) at {_triple(added.location_cm)}"
        yield from (f"  {attribute.name} = {attribute.value}" for attribute in added.attributes)
    for (actor_id,) in frame.records(layout.EVENT_DEL).tolist():
        yield f" Destroy {actor_id}"
    for child, parent in frame.records(layout.EVENT_PARENT).tolist():
        yield f" Parenting {child} with {parent} (parent)"
    for number, one, other, hero, other_hero in frame.records(layout.COLLISION).tolist():
        sides = (f"{who} (hero) " if is_hero else f"{who}" for who, is_hero in ((one, hero), (other, other_hero)))
        yield f" Collision id {number} between {' with '.join(sides)}"


def _states(frame: Frame) -> Iterator[str]:
    rows = frame.records(layout.POSITION)
    yield f" Positions: {len(rows)}"
    for r in rows:
        yield f"  Id: {r['actor_id']} Location: {_triple(r['location_cm'])} Rotation: {_triple(r['euler_deg'])}"
    lights = frame.records(layout.STATE).tolist()
    yield f" State traffic lights: {len(lights)}"
    for who, frozen, elapsed_s, state in lights:
        yield f"  Id: {who} state: {state} frozen: {frozen} elapsedTime: {elapsed_s:g}"
    controls = frame.records(layout.ANIM_VEHICLE).tolist()
    yield f" Vehicle animations: {len(controls)}"
    for who, steer, throttle, brake, hand_brake, gear in controls:
        pedals = f"Throttle: {throttle:g} Brake: {brake:g} Handbrake: {hand_brake}"
        yield f"  Id: {who} Steering: {steer:g} {pedals} Gear: {gear}"
    walkers = frame.records(layout.ANIM_WALKER).tolist()
    yield f" Walker animations: {len(walkers)}"
    yield from (f"  Id: {who} speed: {speed:g}" for who, speed in walkers)
    lamps = frame.records(layout.VEHICLE_LIGHT).tolist()
    yield f" Vehicle light animations: {len(lamps)}"
    for who, flags in lamps:
        names = [name for name, bit in _LAMPS if flags >> bit & 1]
        yield f"  Id: {who} {' '.join(names) or 'None'}"
    yield from _additional(frame)


def _additional(frame: Frame) -> Iterator[str]:
    """What is not in every frame."""
    motions, boxes = frame.records(layout.KINEMATICS), frame.records(layout.BOUNDING_BOX)
    if len(motions):
        yield f" Dynamic actors: {len(motions)}"
    for r in motions:
        spin = _triple(r["spin_degps"])
        yield f"  Id: {r['actor_id']} linear_velocity: {_triple(r['velocity_mps'])} angular_velocity: {spin}"
    if len(boxes):
        yield f" Actor bounding boxes: {len(boxes)}"
    for r in boxes:
        yield f"  Id: {r['actor_id']} origin: {_triple(r['origin_cm'])} extension: {_triple(r['extent_cm'])}"
    if frame.physics:
        yield f" Physics Control events: {len(frame.physics)}"
    for found in frame.physics:
        yield from _physics(found)
    times = frame.records(layout.LIGHT_TIMES).tolist()
    if times:
        yield f" Traffic Light time events: {len(times)}"
    for who, green, yellow, red in times:
        yield f"  Id: {who} green_time: {green:g} yellow_time: {yellow:g} red_time: {red:g}"
    doors = frame.records(layout.VEHICLE_DOOR).tolist()
    if doors:
        yield f" Vehicle door animations: {len(doors)}"
    for who, door, _ in doors:
        yield f"  Id: {who}"
        yield f"  Doors opened:  {_DOORS[door] if door < len(_DOORS) else door} "


def _physics(found: Physics) -> Iterator[str]:
    yield f"  Id: {found.actor_id}"
    for name, value in zip(_PHYSICS, found.numbers, strict=False):  # the rest is the centre of mass
        yield f"   {name} = {str(value).lower() if isinstance(value, bool) else f'{value:g}'}"
    yield f"   center_of_mass = {_triple(found.numbers[len(_PHYSICS) :])}"
    for name, curve in (("torque_curve", found.torque_curve), ("steering_curve", found.steering_curve)):
        yield f"   {name} = " + " ".join(map(_triple, curve))
    yield "   forward_gears:"
    for number, (ratio, down, up) in enumerate(found.forward_gears):
        yield f"    gear {number}: ratio {ratio:g} down_ratio {down:g} up_ratio {up:g}"
    yield "   wheels:"
    for number, wheel in enumerate(found.wheels):
        told = " ".join(f"{name} {value:g}" for name, value in zip(_WHEEL, wheel, strict=False))
        yield f"    wheel {number}: {told} position {_triple(wheel[-3:])}"
