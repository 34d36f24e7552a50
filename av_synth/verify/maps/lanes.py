"""Lanes of a vector map: paths that go where they say and meet, neighbours that agree, and an ego that drives there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import shapely

from av_synth.verify.findings import Findings
from av_synth.verify.maps.layers import VectorMap, read_map
from av_synth.verify.maps.pictures import check_basemap, check_mask
from av_synth.verify.maths import Array
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.values import are_numbers, has_file, is_number, is_strings, read_json, short

_SHAPES = ("LSL", "LSR", "RSL", "RSR", "LRL", "RLR")
_JOIN_M, _JOIN_RAD = 0.3, 0.1  # a path's arcs, and the ends of lanes that follow one another
_END_M, _END_RAD = 0.5, 0.15  # integrated against end_pose
_TIGHTEST_M = 1e-3  # a radius below it turns further than can be reckoned
_LINK_M = 1.0
_SHARED = 0.9  # of lanes with a follower that share the nodes of their far edge with one
_ON_ROAD = 0.5  # of ego poses: a rare event may leave the road, a shifted or mirrored map loses nearly all
_PERSON_M = 1.2  # long and wide at most; no car is so small
_WRONG_SIDE, _LEAST_DIVIDERS = 0.5, 4  # of the dividers of a map's lanes

Pose = tuple[float, float, float]
Paths = Mapping[str, list[dict[str, Any]]]
"""By token of a lane or connector, the arcs of its path."""


def check_maps(dataset: Dataset, findings: Findings) -> None:
    """Check every vector map and basemap that there is, and that the ego drives on the map of its location."""
    folder = dataset.root / "maps" / "expansion"
    if not folder.is_dir():
        return
    locations = sorted({scene.location for scene in dataset.scenes})
    seen: dict[bytes, str] = {}
    for path in sorted(folder.glob("*.json")):
        same = seen.setdefault(path.read_bytes(), path.stem) if has_file(path) else path.stem
        if same != path.stem and path.stem not in locations:
            continue  # the same map under another of the four names that readers load
        content = read_json(path, "map_expansion", findings)
        vector_map = None if content is None else read_map(path.name, content, findings)
        if vector_map is None:
            continue
        paths = _sound_paths(vector_map, findings)
        _check_connectivity(vector_map, paths, findings)
        _check_edges(vector_map, findings)
        _check_dividers(vector_map, paths, findings)
        check_basemap(dataset, path.stem, vector_map, findings)
        for scene in dataset.scenes:
            if scene.location == path.stem:
                findings.enter(scene.name)
                _check_on_road(dataset, scene, vector_map, findings)
                findings.enter("")
        check_mask(dataset, path.stem, vector_map, findings)
    for location in sorted({scene.location for scene in dataset.scenes if dataset.has("maps/expansion", scene)}):
        if not has_file(folder / f"{location}.json"):
            message = f"maps/expansion/{location}.json is missing; the dataset has a log of that location"
            findings.add("map_expansion", f"log.json location={location}", message)


def _lanes(vector_map: VectorMap) -> Iterator[tuple[str, str]]:
    for layer in ("lane", "lane_connector"):
        for token in vector_map.layers[layer]:
            yield layer, token


def _sound_paths(vector_map: VectorMap, findings: Findings) -> Paths:
    """The paths that lead where they say."""
    sound: dict[str, list[dict[str, Any]]] = {}
    for layer, token in _lanes(vector_map):
        findings.checked("map_lanes")
        where = f"{vector_map.name} arcline_path_3 of {layer} {token}"
        arcs = vector_map.paths.get(token)
        problem = _path_problem(arcs)
        if problem or arcs is None:
            findings.add("map_lanes", where, problem)
            continue
        sound[token] = arcs
        outline = vector_map.outline(layer, token)
        if outline is not None:
            ends = [arcs[0]["start_pose"], arcs[-1]["end_pose"]]
            off_m = max(outline.distance(shapely.Point(end[:2])) for end in ends)
            if off_m > _LINK_M:
                findings.add("map_lanes", where, f"begins or ends {off_m:.1f} m outside the polygon; want it within")
    return sound


def _path_problem(arcs: Any) -> str:
    if not isinstance(arcs, list) or not arcs:
        return "is missing or empty; want at least one arc, or the devkit fails on this lane"
    at: Pose | None = None
    for k, arc in enumerate(arcs):
        if not isinstance(arc, dict) or not (
            are_numbers(arc.get("start_pose"), 3)
            and are_numbers(arc.get("end_pose"), 3)
            and are_numbers(arc.get("segment_length"), 3)
            and arc.get("shape") in _SHAPES
            and is_number(arc.get("radius"))
        ):
            return f"arc {k} is {short(arc)}; want start_pose, end_pose, segment_length[3], shape and radius"
        if arc["radius"] < _TIGHTEST_M or min(arc["segment_length"]) < -1e-6:
            return f"arc {k} has radius {arc['radius']} and lengths {arc['segment_length']}; want positive ones"
        start, end = tuple(arc["start_pose"]), tuple(arc["end_pose"])
        if at is not None and _apart(at, start, _JOIN_M, _JOIN_RAD):
            return f"arc {k} starts at {short(list(start))}; the one before ends at {short(list(at))}"
        reached = _drive(start, arc["shape"], float(arc["radius"]), arc["segment_length"])
        if _apart(reached, end, _END_M, _END_RAD):
            there = [round(v, 2) for v in reached]
            return f"arc {k} leads to {there}, but its end_pose is {[round(v, 2) for v in end]}"
        at = end
    return ""


def _drive(pose: Pose, shape: str, radius_m: float, lengths_m: list[float]) -> Pose:
    """Follow three segments of a Dubins path: L and R arcs of a radius, S straight."""
    x, y, yaw = pose
    for kind, length in zip(shape, lengths_m, strict=True):
        if kind == "S":
            x, y = x + length * math.cos(yaw), y + length * math.sin(yaw)
            continue
        sign = 1.0 if kind == "L" else -1.0
        after = yaw + sign * length / radius_m
        x += sign * radius_m * (math.sin(after) - math.sin(yaw))
        y -= sign * radius_m * (math.cos(after) - math.cos(yaw))
        yaw = after
    return x, y, yaw


def _apart(a: Pose, b: Pose, slack_m: float, slack_rad: float) -> bool:
    turn = (a[2] - b[2] + math.pi) % (2 * math.pi) - math.pi
    return math.hypot(a[0] - b[0], a[1] - b[1]) > slack_m or abs(turn) > slack_rad


def _check_connectivity(vector_map: VectorMap, paths: Paths, findings: Findings) -> None:
    tokens = {token for _, token in _lanes(vector_map)}
    links: dict[str, dict[str, set[str]]] = {}
    for token in sorted(tokens):
        where = f"{vector_map.name} connectivity of {token}"
        row = vector_map.connectivity.get(token)
        if not isinstance(row, dict) or not (is_strings(row.get("incoming")) and is_strings(row.get("outgoing"))):
            findings.add("map_lanes", where, f"is {short(row)}; want {{incoming: [], outgoing: []}}")
            continue
        links[token] = {way: set(row[way]) for way in ("incoming", "outgoing")}
        for other in sorted((links[token]["incoming"] | links[token]["outgoing"]) - tokens):
            findings.add("map_lanes", where, f"has {short(other)}, which is no lane or connector")
    for token, ways in links.items():
        for way, back in (("outgoing", "incoming"), ("incoming", "outgoing")):
            for other in sorted(ways[way]):
                if other in links and token not in links[other][back]:
                    message = f"{way} has {other}, whose {back} has not {token}; want both or none"
                    findings.add("map_lanes", f"{vector_map.name} connectivity of {token}", message)
        for other in sorted(ways["outgoing"]):
            if token not in paths or other not in paths:
                continue
            gap_m = math.dist(paths[token][-1]["end_pose"][:2], paths[other][0]["start_pose"][:2])
            if gap_m > _LINK_M:
                message = f"its path ends {gap_m:.1f} m from where the path of its follower {other} begins"
                findings.add("map_lanes", f"{vector_map.name} connectivity of {token}", message)


def _check_edges(vector_map: VectorMap, findings: Findings) -> None:
    """The nodes of a lane's far edge belong to a follower too, by which get_next_roads finds it."""
    polygons, lines = vector_map.layers["polygon"], vector_map.layers["line"]
    exterior = {
        token: set(polygons[row["polygon_token"]]["exterior_node_tokens"])
        for layer in ("lane", "lane_connector")
        for token, row in vector_map.layers[layer].items()
        if row["polygon_token"] in polygons
    }
    shared = total = 0
    for token, row in vector_map.layers["lane"].items():
        followers = vector_map.connectivity.get(token)
        outgoing = followers.get("outgoing", []) if isinstance(followers, dict) else []
        edge = lines.get(row["to_edge_line_token"], {}).get("node_tokens", [])
        if not outgoing or not isinstance(edge, list) or not isinstance(outgoing, list):
            continue
        total += 1
        shared += any(set(edge) <= exterior.get(other, set()) for other in outgoing if isinstance(other, str))
    if total and shared < _SHARED * total:
        message = f"{shared} of {total} lanes share the nodes of their to_edge_line with a follower's polygon"
        findings.add("map_lanes", vector_map.name, f"{message}; want {_SHARED:.0%}, or get_next_roads finds nothing")


def _on_foot(dataset: Dataset, scene: Scene) -> bool:
    """Whether who carries the sensors is told to be no larger than a person."""
    told = [row.get("ego") for sample in scene.samples for row in dataset.rows_about("sample_truth", sample.token)]
    sizes = [ego["size"] for ego in told if isinstance(ego, dict) and are_numbers(ego.get("size"), 3)]
    return bool(sizes) and all(max(size[:2]) < _PERSON_M for size in sizes)


def _check_on_road(dataset: Dataset, scene: Scene, vector_map: VectorMap, findings: Findings) -> None:
    """The ego is where it may drive; who goes on foot may as well be on a walkway."""
    places = np.array([d.ego_pose.translation[:2] for rows in scene.data.values() for d in rows if d.is_key_frame])
    areas = [vector_map.shapes.get(t) for r in vector_map.layers["drivable_area"].values() for t in r["polygon_tokens"]]
    known = [area for area in areas if area is not None]
    if known and _on_foot(dataset, scene):
        walks = [vector_map.shapes.get(row["polygon_token"]) for row in vector_map.layers["walkway"].values()]
        known += [area for area in walks if area is not None]
    if not len(places) or not known:
        return
    findings.checked("map_lanes", len(places))
    tree = shapely.STRtree(known)
    on = len(np.unique(tree.query(shapely.points(places), predicate="intersects")[0]))
    if on < _ON_ROAD * len(places):
        message = f"{on} of {len(places)} ego poses are on the drivable_area of {vector_map.name}"
        findings.add("map_lanes", f"ego_pose.json ({scene.name})", f"{message}; want the map in the poses' coordinates")


def _check_dividers(vector_map: VectorMap, paths: Paths, findings: Findings) -> None:
    """The left divider of a lane is on the left of its path, the right one on its right."""
    sides: list[float] = []
    for token, row in vector_map.layers["lane"].items():
        if token not in paths:
            continue
        poses = np.array([arc[end] for arc in paths[token] for end in ("start_pose", "end_pose")], dtype=np.float64)
        for name, left in (("left_lane_divider_segments", 1.0), ("right_lane_divider_segments", -1.0)):
            segments = row[name] if isinstance(row[name], list) else []
            named = [s.get("node_token") for s in segments if isinstance(s, dict)]
            places = [vector_map.nodes[n] for n in named if isinstance(n, str) and n in vector_map.nodes]
            if places:
                sides.append(left * _left_of(poses, np.array(places)))
    if len(sides) < _LEAST_DIVIDERS:
        return
    findings.checked("map_lanes", len(sides))
    wrong = sum(side < 0 for side in sides)
    if wrong > _WRONG_SIDE * len(sides):
        message = f"{wrong} of {len(sides)} lane dividers are on the other side of their lane's path"
        wanted = "are left_lane_divider_segments and right_lane_divider_segments swapped?"
        findings.add("map_lanes", vector_map.name, f"{message}; {wanted}")


def _left_of(poses: Array, places: Array) -> float:
    """How far places (N, 2) are to the left of the nearest of poses (K, 3) on a path: the middle one."""
    offset = places[:, None] - poses[None, :, :2]
    nearest = poses[np.argmin(np.linalg.norm(offset, axis=2), axis=1)]
    gap = places - nearest[:, :2]
    return float(np.median(np.cos(nearest[:, 2]) * gap[:, 1] - np.sin(nearest[:, 2]) * gap[:, 0]))
