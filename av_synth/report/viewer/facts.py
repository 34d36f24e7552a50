"""What a run's tables say, as arrays by actor and frame and as plain JSON values.

Positions in the page are metres from `origin`, a point near the ego's first one, so that 32 bits are enough for them.
An actor that is not there at a frame has NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.scene import Scene
from av_synth.geometry.transforms import Array
from av_synth.log.taxonomy import CATEGORIES
from av_synth.report.drawing import CLASS_COLOURS, Colour, class_of
from av_synth.report.event_words import event_words
from av_synth.report.viewer.pack import Pack
from av_synth.store import Run

_POSE = ("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")
_STATE = (*_POSE, "vx_mps", "vy_mps", "vz_mps", "ax_mps2", "ay_mps2", "az_mps2")
_CONTROL = ("throttle", "steer", "brake")
_PER_UNIT = 10_000  # controls are -1 to 1
# what no lidar class of an actor is; BGR, as the pictures of av_synth.report have them
_SURROUNDINGS: Mapping[str, Colour] = {
    "flat.driveable_surface": (190, 158, 142),
    "flat.other": (120, 130, 140),
    "flat.sidewalk": (150, 165, 178),
    "flat.terrain": (92, 132, 118),
    "static.manmade": (168, 186, 204),
    "static.other": (150, 150, 180),
    "static.vegetation": (96, 176, 104),
    "static_object.bicycle_rack": (150, 150, 180),
    "noise": (90, 90, 90),
}
# carla.VehicleLightState, CARLA 0.9.16
_LAMPS = ("position", "low beam", "high beam", "brake", "right blinker", "left blinker", "reverse", "fog", "interior")


def add_facts(pack: Pack, scene: Scene) -> Array:
    """Add everything that is no picture and no point cloud; returns the origin (3,), world metres.

    Raises:
        StoreError: if a table cannot be read.
        DataError: if the run has no state.
    """
    run = scene.run
    ticks = run.table("ticks", ("frame", "time_us")).to_pydict()
    actors = run.table("actors").to_pylist()
    states = run.table("states")
    if not states.num_rows or not ticks["frame"]:
        raise DataError(f"run {run.run_id}: its log has no state of anybody, so there is nothing to show")
    grid = _Grid([row["actor_id"] for row in actors], ticks["frame"])
    pose = np.stack([states.column(name).to_numpy() for name in _STATE], axis=1)
    where = grid.places(states.column("frame").to_numpy(), states.column("actor_id").to_numpy())
    names = RunNames(run.run_id)
    named = run.json("scenario.json").get("actors") or {}
    roles = {row["actor_id"]: row["role"] or f"{row['type_id']} {row['actor_id']}" for row in actors}
    ego = next((row["actor_id"] for row in actors if row["is_ego"]), 0)
    of_ego = pose[states.column("actor_id").to_numpy() == ego] if ego else pose
    origin: Array = np.floor(of_ego[0, :3])
    pose[:, :3] -= origin
    pack.add("states", grid.filled(where, pose, np.nan).astype(np.float32))
    _add_controls(pack, run.table("controls"), grid)
    pack.about |= {
        "origin": origin.tolist(),
        "times": [round(value / 1e6, 6) for value in ticks["time_us"]],
        "ego": grid.actors.get(ego, -1),
        "samples": {names.sample(frame): grid.frames[frame] for frame in _keyframes(run)},
        "lamps": _lamps(scene, grid),
        "lampNames": _LAMPS,
        "actors": [_actor(row, names, named) for row in actors],
        "boxes": [_box(row, grid) for row in run.table("boxes").to_pylist()],
        "events": [_event(row, grid, roles) for row in run.table("events").to_pylist()],
        "metrics": _metrics(run.table("metrics").to_pylist(), grid),
        "categories": [name for name, _ in CATEGORIES],
        "categoryColours": [_rgb(_colour(name)) for name, _ in CATEGORIES],
        "classColours": {name: _rgb(colour) for name, colour in CLASS_COLOURS.items()},
        "run": _run(scene),
    }
    return origin


class _Grid:
    """The places of actors and frames in arrays (actors, frames, ...)."""

    def __init__(self, actors: Sequence[int], frames: Sequence[int]) -> None:
        self.actors = {actor: k for k, actor in enumerate(actors)}
        self.frames = {frame: k for k, frame in enumerate(frames)}
        self._ids = np.array(actors, dtype=np.int64)
        self._numbers = np.array(frames, dtype=np.int64)

    def places(self, frames: npt.NDArray[Any], actors: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Where rows with these keys are in an array (actors * frames, ...); both lists are in rising order."""
        return np.searchsorted(self._ids, actors) * len(self._numbers) + np.searchsorted(self._numbers, frames)

    def filled(self, where: npt.NDArray[np.intp], rows: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
        """(actors * frames, C) with rows (N, C) at their places, `nothing` elsewhere."""
        full = np.full((len(self._ids) * len(self._numbers), rows.shape[1]), nothing, dtype=rows.dtype)
        full[where] = rows
        return full


def _add_controls(pack: Pack, table: Any, grid: _Grid) -> None:
    where = grid.places(table.column("frame").to_numpy(), table.column("actor_id").to_numpy())
    asked = np.stack([table.column(name).to_numpy() for name in _CONTROL], axis=1)
    rows = np.round(np.clip(asked, -1.0, 1.0) * _PER_UNIT).astype(np.int16)
    gears = [table.column(name).to_numpy(zero_copy_only=False) for name in ("gear", "reverse", "hand_brake")]
    pack.add("controls", grid.filled(where, np.concatenate([rows, np.stack(gears, axis=1)], axis=1), -32768))


def _lamps(scene: Scene, grid: _Grid) -> list[list[int]]:
    """Places of frame and actor, and flags, wherever somebody's lamps change; none if no lamps are logged."""
    if "tables/lamps.parquet" not in scene.run.files:
        return []
    rows = scene.run.table("lamps").to_pylist()
    return [[grid.frames.get(row["frame"], 0), grid.actors[row["actor_id"]], row["flags"]] for row in rows]


def _actor(row: Mapping[str, Any], names: RunNames, named: object) -> dict[str, object]:
    by_scenario = isinstance(named, dict) and row["role"] in named
    return {
        "id": row["actor_id"],
        "role": row["role"],
        "type": row["type_id"],
        "category": row["category"],
        "class": class_of(row["category"]),
        "size": [row["length_m"], row["width_m"], row["height_m"]],
        "box": [row["box_x_m"], row["box_y_m"], row["box_z_m"]],
        "parked": row["parked"],
        "ego": row["is_ego"],
        "named": by_scenario or row["is_ego"],
        "instance": names.instance(row["actor_id"]),
    }


def _box(row: Mapping[str, Any], grid: _Grid) -> list[object]:
    facts = (row["visibility"], round(row["visible_fraction"], 4), row["attribute"])
    return [grid.frames[row["frame"]], grid.actors[row["actor_id"]], *facts, row["num_lidar_pts"], row["num_radar_pts"]]


def _keyframes(run: Run) -> list[int]:
    rows = run.table("sensor_frames", ("frame", "is_keyframe")).to_pylist()
    return sorted({row["frame"] for row in rows if row["is_keyframe"]})


def _event(row: Mapping[str, Any], grid: _Grid, names: Mapping[int, str]) -> dict[str, object]:
    """When it was, what in words, and why, if that is told."""
    detail = json.loads(row["detail"] or "{}")
    told = detail if isinstance(detail, dict) else {}
    words = event_words(names, row["kind"], row["actor_id"], row["other_id"], told)
    return {"frame": grid.frames[row["frame"]], "words": words, "why": str(told.get("reason", ""))}


def _metrics(rows: Sequence[Mapping[str, Any]], grid: _Grid) -> list[dict[str, object]]:
    """One series for each metric of each pair of actors."""
    series: dict[tuple[str, int, int], tuple[list[int], list[float]]] = {}
    for row in rows:
        frames, values = series.setdefault((row["metric"], row["actor_id"], row["other_id"]), ([], []))
        frames.append(grid.frames[row["frame"]])
        values.append(round(row["value"], 4))
    return [
        {"metric": metric, "who": [grid.actors.get(who, -1) for who in pair], "frames": frames, "values": values}
        for (metric, *pair), (frames, values) in sorted(series.items())
    ]


def _run(scene: Scene) -> dict[str, object]:
    run = scene.run
    told, outcome = run.json("scenario.json"), run.json("outcome.json")
    identity = run.manifest.get("identity")
    return {
        "id": run.run_id,
        "scenario": str(run.manifest["scenario"]),
        "seed": run.manifest["seed"],
        "rig": str(run.manifest["rig"] or ""),
        "town": str(told.get("town") or ""),
        "description": " ".join(str(told.get("description") or "").split()),
        "simulator": str(identity.get("simulator", "")) if isinstance(identity, dict) else "",
        "expectations": outcome.get("expectations", []),
        "weather": next(iter(run.table("weather").to_pylist()), {}),
    }


def _colour(category: str) -> Colour:
    return _SURROUNDINGS.get(category) or CLASS_COLOURS[class_of(category)]


def _rgb(bgr: Colour) -> list[int]:
    return list(bgr[::-1])
