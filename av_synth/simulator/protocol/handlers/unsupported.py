"""Calls that CARLA has and the embedded simulator does not: each an error that names it and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.calls import Call, CallError, CallTable, Kind

TABLE: CallTable[Engine] = CallTable()

_REFUSAL = "not supported by the embedded simulator"
_REASONS: tuple[tuple[str, Kind, tuple[str, ...]], ...] = (
    (
        "its towns have no textures",
        Kind.VOID,
        ("apply_color_texture_to_objects", "apply_float_color_texture_to_objects"),
    ),
    (
        "it has its own dynamics only",
        Kind.VOID,
        ("enable_carsim", "use_carsim_road", "enable_chrono_physics", "restore_physx_physics"),
    ),
    ("it has no window to show a vehicle's instruments in", Kind.VOID, ("show_vehicle_debug_telemetry",)),
    ("its people are meshes without bones", Kind.VALUE, ("get_bones_transform",)),
    (
        "its people are meshes without bones",
        Kind.VOID,
        ("set_bones_transform", "blend_pose", "get_pose_from_animation"),
    ),
    (
        "its bodies have no sockets",
        Kind.VALUE,
        ("get_actor_socket_names", "get_actor_socket_world_transforms", "get_actor_socket_relative_transforms"),
    ),
    ("it has no G-buffers", Kind.VALUE, ("are_gbuffers_enabled", "get_gbuffer_token")),
    ("it has no G-buffers", Kind.VOID, ("enable_gbuffers",)),
    ("only the cosmos camera heeds it, which it has not", Kind.VOID, ("set_ignored_vehicles",)),
    ("the Traffic Manager that drives is a client's", Kind.VOID, ("set_actor_autopilot",)),
    ("it has no screen to write on", Kind.VOID, ("clear_debug_string",)),
    ("it speaks no ROS", Kind.VOID, ("enable_sensor_for_ros", "disable_sensor_for_ros")),
    ("it speaks no ROS", Kind.VALUE, ("is_sensor_enabled_for_ros",)),
    ("it has no radio", Kind.VOID, ("send",)),
    ("its street lights always follow the sun, unless they are switched off", Kind.VOID, ("update_day_night_cycle",)),
    (
        "its annotations are of solid surfaces",
        Kind.VOID,
        ("set_annotations_traverse_translucency",),
    ),
    ("it has no Unreal console", Kind.VALUE, ("console_command",)),
)


def _refuse(name: str, reason: str) -> Callable[..., Any]:
    def run(_engine: Engine, *_args: Any) -> Any:
        raise CallError(f"{name}: {_REFUSAL}: {reason}")

    return run


REASONS = {name: reason for reason, _, names in _REASONS for name in names}
"""Why each of them is refused."""

for _reason, _kind, _names in _REASONS:
    for _name in _names:
        TABLE.calls[_name] = Call(_name, _refuse(_name, _reason), _kind, alone=False)
