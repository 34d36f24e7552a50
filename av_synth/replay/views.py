"""What `--camera` says: a camera of the user's own, carried by anybody who is in the log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from av_synth.errors import DocumentError, Problem
from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.transforms import quaternion_from_matrix, rigid, turned
from av_synth.log.state import ActorInfo
from av_synth.messages import nearest
from av_synth.replay.state_log import StateLog
from av_synth.rig import Camera, Lidar, Mount, Rig
from av_synth.rig.camera_optics import VIEW_DEG
from av_synth.rig.model import KEYFRAME_US, MAIN_CAMERA, MAIN_LIDAR
from av_synth.rig.mounts import CAMERAS_DEG, why_not_so
from av_synth.scenario.words import EGO, is_person, is_vehicle

_OPTION = "--camera"
_EYE, _BONNET = 0.93, 0.75  # of the height of a person and of a vehicle or thing
_AHEAD = 0.85  # of a vehicle's length: no nose is further before its rear axle
_CLEAR_M = 0.05
_LIDAR_ABOVE_M = 0.3  # at least; so far above a long roof that this hides little of the ground
_LIDAR_ABOVE = 0.3  # of the length
_OTHER_CAMERA = "CAM_USER"
_NEAR_DEG, _ON_IT_M = 25.0, 4.0  # a camera is called by a direction if it looks there, and is on who carries it
_NUMBERS: Mapping[str, tuple[float, float, float | None]] = {
    # least, most, default; None: by who carries it
    "fov": (*VIEW_DEG, 70.0),
    "width": (32.0, 4096.0, 1280.0),
    "height": (32.0, 4096.0, 720.0),
    "every": (1.0, 100.0, 2.0),
    "x": (-50.0, 50.0, None),
    "y": (-50.0, 50.0, None),
    "z": (0.0, 200.0, None),
    "yaw": (-360.0, 360.0, 0.0),
    "pitch": (-90.0, 90.0, 0.0),
    "roll": (-180.0, 180.0, 0.0),
}
_DEFAULTS = {name: default for name, (_, _, default) in _NUMBERS.items() if default is not None}
_SMALL = {"width": 640.0, "height": 360.0}
_WHOLE = ("every", "width", "height")
_RIGHT_WXYZ = (math.sqrt(0.5), 0.0, 0.0, -math.sqrt(0.5))  # how nuScenes turns LIDAR_TOP
_LIDAR = Lidar(MAIN_LIDAR, Mount((0.0, 0.0, 0.0), _RIGHT_WXYZ), 1, 32, 1084, 10.67, -30.67, 100.0)


@dataclass(frozen=True)
class CameraWish:
    """A camera as the user wrote it.

    Attributes:
        attach: role of who carries it.
        channel: its name; '' for one by where it looks.
        numbers: the keys of `_NUMBERS` that were given.
    """

    attach: str
    channel: str
    numbers: Mapping[str, float]


def parse_camera(text: str) -> CameraWish:
    """Read `attach=ped_1, fov=70`.

    Raises:
        DocumentError: with everything that is wrong in it.
    """
    wrong: list[str] = []
    words = {"attach": EGO, "channel": ""}
    numbers: dict[str, float] = {}
    given: set[str] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            wrong.append(f"got {part!r}; want NAME=VALUE, as in `attach=ego, fov=70`")
        elif name in given:
            wrong.append(f"{name}: given twice; want it once, and a {_OPTION} of its own for another camera")
        elif name in words:
            words[name] = value
        elif name in _NUMBERS:
            numbers[name] = _number(name, value, wrong)
        else:
            known = [*words, *_NUMBERS]
            wrong.append(f"{name}: no such key; {nearest(name, known)}")
        given.add(name)
    if words["channel"] and not (words["channel"].startswith("CAM_") and words["channel"].replace("_", "").isalnum()):
        wrong.append(f"channel = {words['channel']}; want a name that begins with CAM_")
    if wrong:
        raise DocumentError([Problem("", _OPTION, each) for each in wrong])
    return CameraWish(words["attach"], words["channel"], numbers)


def _number(name: str, text: str, wrong: list[str]) -> float:
    least, most, _ = _NUMBERS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most or (name in _WHOLE and value != int(value)):
        wrong.append(f"{name} = {text}; want a {'whole ' if name in _WHOLE else ''}number from {least:g} to {most:g}")
        return least
    return value


def carrier_of(wishes: Sequence[CameraWish], log: StateLog) -> str:
    """Role of who carries the cameras; the ego if there are none.

    Raises:
        DocumentError: if they are not all on the same, or nobody in the log has that role.
    """
    roles = sorted({wish.attach for wish in wishes}) or [EGO]
    if len(roles) > 1:
        why = f"attached to {' and '.join(roles)}; want all of a run on one, who is its ego then; make a run of each"
        raise DocumentError([Problem("", _OPTION, why)])
    if log.id_of(roles[0]) is None:
        why = f"attach = {roles[0]}: nobody in the log of {log.of} is called that; {nearest(roles[0], log.roles)}"
        raise DocumentError([Problem("", _OPTION, why)])
    return roles[0]


def rig_of(wishes: Sequence[CameraWish], rig: Rig | None, log: StateLog, carrier: str) -> Rig:
    """A rig with these cameras, and with what else a nuScenes dataset wants: a lidar above who carries them.

    Args:
        wishes: at least one; those without a channel are called by where they look.
        rig: further sensors; None for a lidar alone.
        log: of what is looked at.
        carrier: role of who carries it all.

    Raises:
        DocumentError: if two have the same channel, or one has that of a nuScenes camera that looks elsewhere.
    """
    info = log.info_of(carrier)
    names = [wish.channel or _channel(wish) for wish in wishes]
    own = [] if rig is None else [camera for camera in rig.cameras if camera.channel not in names]
    if len(set(names)) < len(names):
        why = f"{max(names, key=names.count)} twice; want channel=CAM_..., each another"
        raise DocumentError([Problem("", _OPTION, why)])
    cameras = [_camera(name, wish, info) for name, wish in zip(names, wishes, strict=True)]
    wrong = [(each.channel, odd) for each in cameras if (odd := why_not_so(each.channel, each.mount))]
    if wrong:
        raise DocumentError([Problem("", _OPTION, f"channel = {channel}: {odd}") for channel, odd in wrong])
    if MAIN_CAMERA not in (*names, *(camera.channel for camera in own)):  # every reader of nuScenes wants one
        cameras.append(_camera(MAIN_CAMERA, CameraWish(carrier, "", _SMALL), info))
    length, _, height = (float(size) for size in info.size_lwh_m)
    middle_m = (_AHEAD - 0.5) * length if is_vehicle(info.type_id) else 0.0
    top_m = height + max(_LIDAR_ABOVE_M, _LIDAR_ABOVE * length)
    lidar = replace(_LIDAR, mount=Mount((middle_m, 0.0, top_m), _RIGHT_WXYZ))
    return Rig(
        name="+".join(([] if rig is None else [rig.name]) + [f"camera_on_{carrier}"]),
        description=f"{len(cameras)} of the user's own cameras on {carrier}.",
        tick_us=log.tick_us,
        keyframe_ticks=round(KEYFRAME_US / log.tick_us) if rig is None else rig.keyframe_ticks,
        cameras=(*own, *cameras),
        lidars=(lidar,) if rig is None else rig.lidars,
        radars=() if rig is None else rig.radars,
        imu=None if rig is None else rig.imu,
        gnss=None if rig is None else rig.gnss,
    )


def _channel(wish: CameraWish) -> str:
    keys = ("yaw", "pitch", "roll", "x", "y", "z")
    yaw, pitch, roll, x_m, y_m, z_m = (wish.numbers.get(name, 0.0) for name in keys)
    if max(abs(x_m), abs(z_m)) > _ON_IT_M or abs(y_m) > _ON_IT_M / 2:
        return _OTHER_CAMERA
    off_deg = {name: abs(math.remainder(yaw - at, 360.0)) for name, at in CAMERAS_DEG.items()}
    name = min(off_deg, key=lambda each: off_deg[each])
    return name if max(off_deg[name], abs(pitch), abs(roll)) <= _NEAR_DEG else _OTHER_CAMERA


def _camera(channel: str, wish: CameraWish, info: ActorInfo) -> Camera:
    x_m, y_m = _edge_m(info, math.radians(wish.numbers.get("yaw", 0.0)))
    z_m = (_EYE if is_person(info.type_id) else _BONNET) * float(info.size_lwh_m[2])
    said = {**_DEFAULTS, "x": x_m, "y": y_m, "z": z_m, **wish.numbers}
    turn = turned(*(math.radians(said[name]) for name in ("yaw", "pitch", "roll")))
    rotation = quaternion_from_matrix(rigid(turn @ BODY_FROM_CAMERA[:3, :3], np.zeros(3)))
    qw, qx, qy, qz = (float(each) for each in rotation)
    mount = Mount((said["x"], said["y"], said["z"]), (qw, qx, qy, qz))
    every, width, height = (int(said[name]) for name in _WHOLE)
    focal_px = width / (2.0 * math.tan(math.radians(said["fov"]) / 2.0))
    return Camera(channel, mount, every, width, height, focal_px, focal_px, (width - 1) / 2.0, (height - 1) / 2.0)


def _edge_m(info: ActorInfo, yaw: float) -> tuple[float, float]:
    """Where somebody ends in a direction, radians to the left: x and y in metres, from the ground under who carries it.

    Seen from their middle; from there on nothing of them is in the picture: half of their box, for people and things.
    A vehicle is counted from its rear axle, and nobody told where that is: its nose is `_AHEAD` of it at most, and its
    tail as far behind as is left of its length, and a fifth of that more.
    """
    length, width = float(info.size_lwh_m[0]), float(info.size_lwh_m[1])
    front = back = length / 2
    if is_vehicle(info.type_id):
        front, back = _AHEAD * length, (0.2 + 1.0 - _AHEAD) * length
    half = (front + back) / 2 + _CLEAR_M, width / 2 + _CLEAR_M
    along, aside = math.cos(yaw), math.sin(yaw)
    reach = min(half[0] / max(abs(along), 1e-9), half[1] / max(abs(aside), 1e-9))
    return (front - back) / 2 + reach * along, reach * aside
