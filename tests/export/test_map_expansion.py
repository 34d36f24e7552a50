"""The map expansion: lanes where they truly are, joined as traffic flows, and every reference closed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from av_synth.export.nuscenes.basemap import draw_basemap
from av_synth.export.nuscenes.map_blocks import read_blocks
from av_synth.export.nuscenes.map_expansion import build_map_expansion
from av_synth.export.nuscenes.map_reading import read_network
from av_synth.export.nuscenes.map_sheet import Sheet
from av_synth.export.nuscenes.town_map import draw_town_map
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array
from av_synth.simulator.town import avsynth01, avsynth02, avsynth03, opendrive, surface
from tests.export import small_towns

LANE_TYPES = {"NIL", "SINGLE_SOLID_WHITE", "SINGLE_SOLID_YELLOW", "DOUBLE_SOLID_WHITE", "DOUBLE_DASHED_WHITE"}
KEYS = {
    *("version", "canvas_edge", "polygon", "line", "node", "drivable_area", "road_segment", "road_block", "lane"),
    *("ped_crossing", "walkway", "stop_line", "carpark_area", "road_divider", "lane_divider", "traffic_light"),
    *("lane_connector", "arcline_path_3", "connectivity"),
}
SMALL = {
    "spiral": small_towns.spiral_town(),
    "opening": small_towns.opening_town(),
    "ending": small_towns.ending_town(),
    "left_hand": small_towns.left_hand_town(),
    "turning_lane": small_towns.turning_lane_town(),
    "furnished": small_towns.furnished_town(),
    "even_spiral": small_towns.even_spiral_town(),
    "tee": small_towns.tee_town(),
    "lit_tee": small_towns.tee_town(lights=True),
}
PLANS = {plan.NAME: plan for plan in (avsynth01, avsynth02, avsynth03)}
TOWNS = ("AvSynth01", pytest.param("AvSynth02", marks=pytest.mark.long), "AvSynth03")


class Town:
    """The expansion of an OpenDRIVE text, with what tests ask of it."""

    def __init__(self, text: str) -> None:
        self.network = read_network("Town", text)
        self.map = draw_town_map(self.network)
        self.content: dict[str, Any] = build_map_expansion(("Town",), self.network, self.map, self.map.size_m)
        self.nodes = {row["token"]: (row["x"], row["y"]) for row in self.content["node"]}
        self.polygons = {row["token"]: row for row in self.content["polygon"]}
        self.lines = {row["token"]: row["node_tokens"] for row in self.content["line"]}
        self.lanes = [*self.content["lane"], *self.content["lane_connector"]]

    def shape(self, row: dict[str, Any]) -> shapely.Polygon:
        polygon = self.polygons[row["polygon_token"]]
        rings = [polygon["exterior_node_tokens"], *(hole["node_tokens"] for hole in polygon["holes"])]
        exterior, *holes = ([self.nodes[node] for node in ring] for ring in rings)
        return shapely.Polygon(exterior, holes)

    def drivable(self) -> shapely.Geometry:
        tokens = [token for row in self.content["drivable_area"] for token in row["polygon_tokens"]]
        return shapely.union_all([self.shape({"polygon_token": token}) for token in tokens])

    def path(self, token: str, step_m: float = 0.25) -> Array:
        """Places and headings (N, 3) along a lane, by walking its arcs from the start of each."""
        found = []
        for piece in self.content["arcline_path_3"][token]:
            x, y, yaw = piece["start_pose"]
            length = sum(piece["segment_length"])
            sign = 0 if piece["segment_length"][1] else {"L": 1, "R": -1}[piece["shape"][0]]
            for s in np.linspace(0, length, max(2, math.ceil(length / step_m) + 1)):
                turn = sign * s / piece["radius"]
                chord = s * math.sin(turn / 2) / (turn / 2) if turn else s
                heading = yaw + turn / 2
                found.append((x + chord * math.cos(heading), y + chord * math.sin(heading), yaw + turn))
            assert found[-1][:2] == pytest.approx(piece["end_pose"][:2], abs=1e-4)
            assert math.remainder(found[-1][2] - piece["end_pose"][2], math.tau) == pytest.approx(0, abs=1e-6)
        return np.array(found)

    def at(self, x: float, y: float, layer: str = "lane") -> dict[str, Any]:
        """The one row of a layer that a place is on."""
        (row,) = [row for row in self.content[layer] if self.shape(row).contains(shapely.Point(x, y))]
        return row

    def after(self, row: dict[str, Any]) -> list[str]:
        return self.content["connectivity"][row["token"]]["outgoing"]


def avsynth_text(name: str = "AvSynth01") -> str:
    network = PLANS[name].network()
    return opendrive.write(name, network.roads, network.junctions, PLANS[name].BOUNDS_M)


@pytest.fixture(scope="module")
def avsynth() -> Town:
    return Town(avsynth_text())


@pytest.fixture(scope="module", params=[*TOWNS, *SMALL])
def town(request: pytest.FixtureRequest, avsynth: Town) -> Town:
    if request.param == "AvSynth01":
        return avsynth
    return Town(avsynth_text(request.param) if request.param in PLANS else SMALL[request.param])


def test_every_key_is_there_and_every_token_its_own(town: Town) -> None:
    assert set(town.content) == KEYS
    assert town.content["version"] == "1.3"
    for key, rows in town.content.items():
        if key not in ("version", "canvas_edge", "arcline_path_3", "connectivity"):
            assert max(Counter(row["token"] for row in rows).values(), default=1) == 1, key


def test_every_reference_leads_somewhere(town: Town) -> None:
    known = {
        f"{layer}_token": {row["token"] for row in rows}
        for layer, rows in town.content.items()
        if isinstance(rows, list) and layer != "canvas_edge"
    }
    known["from_edge_line_token"] = known["to_edge_line_token"] = known["line_token"]
    known["from_road_block_token"] = known["to_road_block_token"] = known["road_block_token"]
    known["exterior_node_token"] = known["node_token"]
    seen = Counter[str]()
    for key, value in _tokens(town.content):
        if key != "token":
            seen[key] += 1
            assert value in known[key.replace("tokens", "token")], key
    assert {"node_tokens", "polygon_token", "from_edge_line_token", "road_segment_token"} <= set(seen)


def _tokens(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _tokens(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _tokens(item, key)
    elif key.endswith(("token", "tokens")):
        yield key, value


def test_every_polygon_is_valid_and_no_place_below_zero(town: Town) -> None:
    for row in town.content["polygon"]:
        shape = town.shape({"polygon_token": row["token"]})
        assert shape.is_valid
        assert shape.area > 0.1
    assert min(min(place) for place in town.nodes.values()) >= 0
    for axis in (0, 1):
        assert max(place[axis] for place in town.nodes.values()) <= town.content["canvas_edge"][axis]


def test_lanes_follow_each_other_both_ways_and_where_they_meet(town: Town) -> None:
    links = town.content["connectivity"]
    assert set(links) == set(town.content["arcline_path_3"]) == {row["token"] for row in town.lanes}
    for token, link in links.items():
        assert all(token in links[other]["incoming"] for other in link["outgoing"])
        assert all(token in links[other]["outgoing"] for other in link["incoming"])
        for other in link["outgoing"]:
            end, start = town.path(token)[-1], town.path(other)[0]
            assert np.linalg.norm(end[:2] - start[:2]) < 0.01
            assert abs(math.remainder(end[2] - start[2], math.tau)) < 0.02


def test_centre_lines_are_inside_their_lanes(town: Town) -> None:
    for row in town.lanes:
        outside = shapely.distance(town.shape(row), shapely.points(town.path(row["token"])[:, :2]))
        assert outside.max() < 0.01


def test_the_same_file_gives_the_same_bytes(town: Town) -> None:
    again = build_map_expansion(("Town",), town.network, town.map, town.map.size_m)
    assert json.dumps(again) == json.dumps(town.content)


@pytest.mark.parametrize("name", TOWNS)
def test_arc_line_paths_are_within_two_centimetres_of_where_the_client_has_the_lanes(name: str) -> None:
    town = Town(avsynth_text(name))
    sheet = Sheet(("Town",), town.map.offset_m)
    roads = {road.id: road for road in town.network.roads}
    worst, compared = 0.0, 0
    for block in read_blocks(town.network):
        for lane in block.lanes:
            layer = "lane" if block.road.junction < 0 else "lane_connector"
            path = shapely.LineString(town.path(sheet.token(layer, *lane.keys[0]))[:, :2])
            for road, index, lane_id in lane.keys:
                stations = roads[road].sections[index].s_m
                for s in np.arange(stations[0], stations[-1], 1.0):
                    waypoint = town.network.world.get_waypoint_xodr(road, lane_id, float(s))
                    place = shapely.Point(vector_from_carla(waypoint.transform.location)[:2])
                    worst = max(worst, float(path.distance(place)))
                    compared += 1
    assert compared > 3000
    assert 0 < worst < 0.02


def test_a_spiral_is_followed_to_two_centimetres_by_its_own_formula() -> None:
    town = Town(small_towns.spiral_town())
    points, headings = small_towns.spiral_truth()
    lefts = np.stack([-np.sin(headings), np.cos(headings)], axis=1)
    for offset in (1.75, -1.75):
        truth = shapely.LineString((points + lefts * offset)[::20])
        (row,) = [row for row in town.lanes if town.shape(row).contains(shapely.Point(truth.coords[500]))]
        path = town.path(row["token"])
        assert shapely.distance(truth, shapely.points(path[:, :2])).max() < 0.02
        assert shapely.hausdorff_distance(truth, shapely.LineString(path[:, :2])) < 0.03
    assert len(town.content["arcline_path_3"][row["token"]]) < 40


def test_an_arc_of_the_file_is_one_arc_of_the_path() -> None:
    town = Town(small_towns.tee_town())
    paths = [town.content["arcline_path_3"][row["token"]] for row in town.content["lane_connector"]]
    assert [len(path) for path in paths] == [1] * 6
    radii = sorted(round(path[0]["radius"], 3) for path in paths)
    assert radii == [8.25, 8.25, 11.75, 11.75, 999.999, 999.999]


def test_the_crossing_of_three_streets_joins_every_lane_to_two() -> None:
    town = Town(small_towns.tee_town())
    x, y = small_towns.TEE_M
    coming = {"west": (x - 30, y - 1.75), "east": (x + 30, y + 1.75), "south": (x + 1.75, y - 30)}
    going = {"west": (x - 30, y + 1.75), "east": (x + 30, y - 1.75), "south": (x - 1.75, y - 30)}
    for arm, place in coming.items():
        connectors = town.after(town.at(*place))
        reached = {goal for connector in connectors for goal in town.content["connectivity"][connector]["outgoing"]}
        assert reached == {town.at(*spot)["token"] for other, spot in going.items() if other != arm}
        assert len(connectors) == 2
    assert [row["is_intersection"] for row in town.content["road_segment"]] == [False, False, False, True]


def test_the_ends_of_lanes_and_blocks_are_corners_of_what_comes_next(avsynth: Town) -> None:
    for town in (avsynth, Town(small_towns.tee_town()), Town(small_towns.opening_town())):
        rings = {
            layer: [set(town.polygons[row["polygon_token"]]["exterior_node_tokens"]) for row in town.content[layer]]
            for layer in ("road_segment", "road_block", "lane")
        }
        for layer in ("road_block", "lane"):
            for row in town.content[layer]:
                ends = set(town.lines[row["to_edge_line_token"]])
                own = rings[layer][town.content[layer].index(row)]
                assert ends <= own
                others = [ring for group in rings.values() for ring in group if ends <= ring and ring is not own]
                is_last = not any(town.after(lane) for lane in _lanes_to(town, ends))
                # its own road segment and block share the end; whatever comes next does too
                assert is_last or len(others) >= (2 if layer == "road_block" else 3), (layer, row)


def _lanes_to(town: Town, ends: set[str]) -> list[dict[str, Any]]:
    return [lane for lane in town.content["lane"] if set(town.lines[lane["to_edge_line_token"]]) <= ends]


def test_a_stop_sign_makes_a_stop_line_across_its_lane() -> None:
    town = Town(small_towns.tee_town())
    x, y = small_towns.TEE_M
    (stop,) = town.content["stop_line"]
    assert stop["stop_line_type"] == "STOP_SIGN"
    assert town.shape(stop).bounds == pytest.approx((x, y - 14.5, x + 3.5, y - 14.0), abs=2e-3)
    assert stop["road_block_token"] == town.at(x + 1.75, y - 30, "road_block")["token"]
    assert stop["traffic_light_tokens"] == town.content["traffic_light"] == []


def test_a_light_inside_a_crossing_stops_those_who_are_about_to_enter_it() -> None:
    town = Town(small_towns.tee_town(lights=True))
    x, y = small_towns.TEE_M
    (stop,), (light,) = town.content["stop_line"], town.content["traffic_light"]
    assert stop["traffic_light_tokens"] == [light["token"]]
    assert town.shape(stop).bounds == pytest.approx((x, y - 10.5, x + 3.5, y - 10.0), abs=5e-3)
    assert light["from_road_block_token"] == stop["road_block_token"]
    assert light["from_road_block_token"] == town.at(x + 1.75, y - 30, "road_block")["token"]
    beyond = {town.at(*place, "road_block")["token"] for place in ((x - 30, y + 1.75), (x + 30, y - 1.75))}
    assert all(set(item["to_road_block_tokens"]) == beyond for item in light["items"])
    pose = light["pose"]
    assert (pose["tx"], pose["ty"], pose["tz"]) == pytest.approx((x + 5, y - 9.5, 2.0), abs=0.6)
    assert pose["rz"] == pytest.approx(-math.pi / 2, abs=1e-3)
    assert [item["rel_pos"]["tz"] for item in light["items"]] == [0.3, 0.0, -0.3]


def test_cars_wait_at_the_holding_line_before_the_light_and_the_crossing() -> None:
    town = Town(SMALL["furnished"])
    (stop,), (walk,) = town.content["stop_line"], town.content["ped_crossing"]
    assert town.shape(stop).bounds == pytest.approx((79.5, 46.5, 80.0, 50.0), abs=5e-3)
    assert stop["ped_crossing_tokens"] == [walk["token"]]
    assert town.shape(walk).bounds == pytest.approx((82.0, 46.5, 85.0, 53.5), abs=5e-3)
    assert walk["road_segment_token"] == town.at(60.0, 50.5, "road_segment")["token"]


def test_repeated_parking_spaces_stand_one_behind_the_other() -> None:
    town = Town(SMALL["furnished"])
    lefts = [round(town.shape(row).bounds[0], 2) for row in town.content["carpark_area"]]
    assert lefts == [30.0, 36.0, 42.0, 48.0]
    for row in town.content["carpark_area"]:
        assert town.shape(row).bounds[1::2] == pytest.approx((44.5, 46.5), abs=5e-3)
        assert row["orientation"] == pytest.approx(0.0, abs=1e-5)
        assert row["road_block_token"] == town.at(60.0, 48.25, "road_block")["token"]


def test_a_spiral_of_one_curvature_is_the_arc_that_it_is() -> None:
    town = Town(SMALL["even_spiral"])
    radii = [piece["radius"] for path in town.content["arcline_path_3"].values() for piece in path]
    assert sorted(radii) == pytest.approx([18.25, 21.75], abs=0.01)


def test_a_lane_that_opens_begins_where_it_has_a_width() -> None:
    town = Town(small_towns.opening_town())
    lane = town.at(100.0, 50 - 5.25)
    path = town.path(lane["token"])
    assert path[0][0] == pytest.approx(42.1, abs=1.0)  # 5 cm wide
    assert path[-1][0] == pytest.approx(120.0, abs=0.01)
    assert town.content["connectivity"][lane["token"]] == {"incoming": [], "outgoing": []}
    assert len(town.content["lane"]) == 2
    (divider,) = town.content["lane_divider"]
    types = [(town.nodes[s["node_token"]][0], s["segment_type"]) for s in divider["lane_divider_segments"]]
    assert {name for at, name in types if at < 69.9} == {"SINGLE_SOLID_WHITE"}
    assert {name for at, name in types if 70.1 < at < 94.9} == {"DOUBLE_DASHED_WHITE"}
    assert {name for at, name in types if at > 95.1} == {"SINGLE_SOLID_WHITE"}
    left = {s["segment_type"] for s in town.at(100.0, 50 - 1.75)["left_lane_divider_segments"]}
    assert left == {"SINGLE_SOLID_YELLOW"}


def test_where_a_lane_ends_a_new_block_begins() -> None:
    town = Town(small_towns.ending_town())
    assert len(town.content["road_block"]) == 2
    first, second, ending = (town.at(x, y) for x, y in ((40.0, 48.25), (90.0, 48.25), (40.0, 44.75)))
    assert town.after(first) == [second["token"]]
    assert town.after(ending) == []
    assert town.at(40.0, 48.25, "road_segment") == town.at(90.0, 48.25, "road_segment")


def test_traffic_that_keeps_left_goes_the_other_way() -> None:
    right, left = Town(SMALL["turning_lane"]), Town(SMALL["left_hand"])
    assert left.path(left.at(60.0, 51.75)["token"])[0][2] == pytest.approx(0.0)
    assert abs(left.path(left.at(60.0, 48.25)["token"])[0][2]) == pytest.approx(math.pi)
    assert abs(right.path(right.at(60.0, 51.75)["token"])[0][2]) == pytest.approx(math.pi)


def test_a_lane_for_both_directions_is_drivable_but_no_lane() -> None:
    town = Town(SMALL["turning_lane"])
    place = shapely.Point(60.0, 48.5)
    assert town.drivable().contains(place)
    assert not any(town.shape(row).contains(place) for row in town.content["lane"])
    (divider,) = town.content["road_divider"]
    middle = {round(town.nodes[node][1], 2) for node in town.lines[divider["line_token"]]}
    assert middle == {48.5}
    (walkway,) = town.content["walkway"]
    assert town.shape(walkway).bounds == pytest.approx((20, 41.5, 100, 43.5), abs=0.01)


def test_lanes_of_the_town_are_what_its_plan_says(avsynth: Town) -> None:
    count = {key: len(rows) for key, rows in avsynth.content.items()}
    # eight streets, of which two have two lanes a direction; 38 lanes of connecting roads; four lights, four yields
    assert (count["road_block"], count["lane"], count["lane_connector"]) == (16, 20, 38)
    assert (count["traffic_light"], count["stop_line"], count["ped_crossing"]) == (4, 8, 4)
    assert (count["road_segment"], count["carpark_area"], count["lane_divider"]) == (13, 4, 4)
    assert all(link["incoming"] and link["outgoing"] for link in avsynth.content["connectivity"].values())
    types = {s["segment_type"] for row in avsynth.content["lane"] for s in row["left_lane_divider_segments"]}
    assert types <= LANE_TYPES


@pytest.mark.parametrize("name", TOWNS)
def test_drivable_ground_and_walkways_are_the_surfaces_that_the_simulator_drives_on(name: str) -> None:
    town = Town(avsynth_text(name))
    _, areas = surface.ground(PLANS[name].network(), PLANS[name].BOUNDS_M)
    walkways = shapely.union_all([town.shape(row) for row in town.content["walkway"]])
    # nobody walks on the paved edge of the roundabout's island
    island = shapely.Point(240.0, 165.0).buffer(14.0) if name == "AvSynth03" else shapely.Polygon()
    for ours, theirs in ((town.drivable(), areas.carriageway), (walkways, areas.pavement.difference(island))):
        assert ours.symmetric_difference(theirs).area < 0.002 * theirs.area


def test_a_traffic_light_faces_its_lanes_and_leads_to_the_blocks_beyond(avsynth: Town) -> None:
    lines = {row["traffic_light_tokens"][0]: row for row in avsynth.content["stop_line"] if row["traffic_light_tokens"]}
    assert len(lines) == 4
    for light in avsynth.content["traffic_light"]:
        stop = lines[light["token"]]
        assert stop["stop_line_type"] == "TRAFFIC_LIGHT"
        assert stop["road_block_token"] == light["from_road_block_token"]
        assert len(stop["ped_crossing_tokens"]) == 1
        x, y = (light["pose"][key] for key in ("tx", "ty"))
        middle = avsynth.shape(stop).centroid
        assert math.hypot(middle.x - x, middle.y - y) < 6.0
        # who waits at the line looks at the light
        waiting = [row for row in avsynth.content["lane"] if avsynth.shape(row).intersects(avsynth.shape(stop))]
        heading = next(
            path[-1][2]
            for path in (avsynth.path(row["token"]) for row in waiting)
            if shapely.Point(path[-1][:2]).distance(middle) < 12.0
        )
        assert abs(math.remainder(light["pose"]["rz"] - heading - math.pi, math.tau)) < 1e-3
        assert [item["color"] for item in light["items"]] == ["RED", "YELLOW", "GREEN"]
        assert len(light["items"][0]["to_road_block_tokens"]) == 3
        assert light["from_road_block_token"] not in light["items"][0]["to_road_block_tokens"]


def test_the_basemap_has_ground_where_the_mask_has_and_white_elsewhere(avsynth: Town) -> None:
    size = avsynth.map.sides_px((0.0, 0.0))
    png = draw_basemap(avsynth.content, avsynth.network, avsynth.map.offset_m, size)
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    mask = cv2.imdecode(np.frombuffer(avsynth.map.mask_png((0.0, 0.0)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (*mask.shape, 3)
    assert picture.dtype == np.uint8
    ground = (picture != 255).any(axis=2)
    disc = np.ones((5, 5), np.uint8)
    assert ground[cv2.erode(mask, disc) > 0].all()
    assert not ground[cv2.dilate(mask, disc) == 0].any()
