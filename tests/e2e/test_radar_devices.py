"""Radars that are devices, from rig to dataset: speeds by the log, codes, truth, verification, a stock server."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from nuscenes.utils.data_classes import RadarPointCloud

from av_synth import documents, scenario, store
from av_synth import rig as rigs
from av_synth.geometry.transforms import apply, invert, matrix_from_quaternion
from av_synth.launch import Address
from av_synth.log.taxonomy import RADAR_POINT, RADAR_TRUTH
from av_synth.rig import Rig
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from av_synth.sensing.radar_model import Origin
from av_synth.verify import VerifyReport, verify
from tests.e2e.conftest import Made, make, record

TEXT = """name: radar_street
description: In rain somebody cuts in, somebody comes towards the ego, and somebody walks past parked cars.
duration_s: 2.5
weather: {preset: clear_noon, rain_mm_h: 10}
road: {length_m: 120, town: AvSynth01}
ego: {speed_kmh: 40}
actors:
  lead: {body: car, at: {ahead_m: 18}, speed_kmh: 50}
  towards: {body: truck, at: {ahead_m: 60, lane: oncoming}, speed_kmh: 30}
  wreck: {body: car, parked: true, at: {ahead_m: 40, offset_m: -2.6}}
  walker: {body: adult, at: {ahead_m: 25, offset_m: -4.5}}
events:
  - {actor: walker, when: {time_s: 0.1}, do: {walk: {speed_kmh: 6}}}
  - {actor: lead, when: {time_s: 0.5}, do: {drive: {speed_kmh: 20}}}
"""
CHANNELS = ("RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_BACK_RIGHT")


def rig() -> Rig:
    """Three radars of the nuScenes car, its lidar with fewer beams, and a small camera."""
    small, full = rigs.load("tiny"), rigs.load("nuscenes")
    radars = tuple(radar for radar in full.radars if radar.channel in CHANNELS)
    return replace(small, name="radars", cameras=small.cameras[:1], radars=radars)


def spec(duration_s: float = 2.5) -> RunSpec:
    drawn = scenario.draw(from_document(documents.parse(TEXT, "radar_street.yaml")), 0)
    return RunSpec(replace(drawn, duration_s=duration_s), rig())


@pytest.fixture(scope="module")
def made(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("radars"), [spec()], address)  # the export verifies what it writes


class Log:
    """The log of a run, read from its tables alone."""

    def __init__(self, path: Path) -> None:
        self.run = store.open_run(path)
        self.states = {(row["frame"], row["actor_id"]): row for row in self.run.table("states").to_pylist()}
        self.egos = {row["frame"]: row for row in self.run.table("ego_poses").to_pylist()}
        self.mounts = {row["channel"]: row for row in self.run.table("sensors").to_pylist()}
        self.ego_id = next(row["actor_id"] for row in self.run.table("actors").to_pylist() if row["is_ego"])

    def scans(self) -> list[tuple[str, int, np.ndarray, np.ndarray]]:
        """Channel, frame, records and truth of each scan that has returns."""
        found = []
        for row in self.run.table("sensor_frames").to_pylist():
            if row["channel"] in CHANNELS:
                records = np.frombuffer(
                    self.run.path(row["path"]).read_bytes().partition(b"DATA binary\n")[2][:-1], RADAR_POINT
                )
                told = self.run.path(f"radar_truth/{row['channel']}/{row['frame']:06d}.bin").read_bytes()
                truth = np.frombuffer(told, RADAR_TRUTH)
                if len(truth):
                    found.append((row["channel"], row["frame"], records, truth))
        return found

    def world_from_radar(self, channel: str, frame: int) -> np.ndarray:
        return pose(self.egos[frame]) @ pose(self.mounts[channel])

    def velocity(self, frame: int, actor_id: int, points: np.ndarray) -> np.ndarray:
        """Of points (N, 3) on an actor."""
        row = self.states[frame, actor_id]
        arm = points - [row["x_m"], row["y_m"], row["z_m"]]
        spin = np.array([row["wx_radps"], row["wy_radps"], row["wz_radps"]])
        return np.array([row["vx_mps"], row["vy_mps"], row["vz_mps"]]) + np.cross(spin, arm)


def pose(row: dict[str, float]) -> np.ndarray:
    return matrix_from_quaternion([row[f"q{axis}"] for axis in "wxyz"], [row[f"{axis}_m"] for axis in "xyz"])


@pytest.fixture(scope="module")
def log(made: Made) -> Log:
    return Log(made.runs[0])


def speed_errors(log: Log) -> dict[str, np.ndarray]:
    """How far radial speeds in the files are from the log's, relative and over ground, of what stands and of actors."""
    errors: dict[str, list[np.ndarray]] = {name: [] for name in ("static", "static_comp", "actors", "actors_comp")}
    for channel, frame, records, truth in log.scans():
        world_from_radar = log.world_from_radar(channel, frame)
        points = np.stack([records[axis] for axis in "xyz"], axis=1).astype(float)
        world = apply(world_from_radar, points)
        toward = points / np.linalg.norm(points, axis=1, keepdims=True)
        world_toward = toward @ world_from_radar[:3, :3].T
        own = log.velocity(frame, log.ego_id, world_from_radar[:3, 3])
        over_ground = np.zeros_like(world)
        for actor_id in np.unique(truth["actor_id"][truth["origin"] == Origin.ACTOR]):
            chosen = truth["actor_id"] == actor_id
            over_ground[chosen] = log.velocity(frame, int(actor_id), world[chosen])
        wanted = {
            "": np.sum((over_ground - own) * world_toward, axis=1),
            "_comp": np.sum(over_ground * world_toward, axis=1),
        }
        for suffix, rate in wanted.items():
            told = records[f"vx{suffix}"] * toward[:, 0] + records[f"vy{suffix}"] * toward[:, 1]
            for name, origin in (("static", (Origin.STATIC, Origin.CLUTTER)), ("actors", (Origin.ACTOR,))):
                errors[name + suffix].append(np.abs(told - rate)[np.isin(truth["origin"], origin)])
    return {name: np.concatenate(parts) for name, parts in errors.items()}


def test_speeds_in_the_files_are_those_of_the_log_to_a_tenth_of_a_metre_per_second(log):
    errors = speed_errors(log)

    for name, found in errors.items():
        assert len(found) > 300, name
        assert np.median(found) < 0.03, name
        assert np.percentile(found, 90) < 0.15, name  # what is off is off because azimuths are


def test_the_devkit_reads_returns_in_the_radars_plane_with_the_codes_of_its_documentation(made, log):
    assert len(log.scans()) > 60
    for _, _, records, _ in log.scans():
        assert len(records) <= 125
        assert (records["z"] == 0.0).all()
        assert set(records["dyn_prop"]) <= {0, 1, 2, 3, 5, 6, 7}
        assert set(records["ambig_state"]) <= {1, 3}
        assert set(records["invalid_state"]) <= {0, 1, 6}
        assert set(records["pdh0"]) <= {1, 2, 3, 5}
        assert all(
            ((records[name] >= 0) & (records[name] < 31)).all() for name in ("x_rms", "y_rms", "vx_rms", "vy_rms")
        )
    RadarPointCloud.disable_filters()
    try:
        sample = made.nusc.sample[1]
        path = made.nusc.get_sample_data_path(sample["data"]["RADAR_FRONT"])
        everything = RadarPointCloud.from_file(path).nbr_points()
        RadarPointCloud.default_filters()
        assert 10 < RadarPointCloud.from_file(path).nbr_points() < everything
    finally:
        RadarPointCloud.default_filters()


def test_moving_standing_and_oncoming_are_told_apart_by_speed_over_ground(log):
    records = np.concatenate([records for _, _, records, _ in log.scans()])
    speed = np.hypot(records["vx_comp"], records["vy_comp"])
    assert set(records["dyn_prop"][speed > 0.6]) == {0, 2, 6}
    assert set(records["dyn_prop"][speed < 0.4]) <= {1, 3, 5, 7}
    lead = next(row for row in log.run.table("actors").to_pylist() if row["role"] == "lead")
    own = np.concatenate(
        [
            r["dyn_prop"][(t["actor_id"] == lead["actor_id"]) & (t["origin"] == Origin.ACTOR)]
            for _, _, r, t in log.scans()
        ]
    )
    assert len(own) > 20
    assert (own == 0).mean() > 0.9  # it goes ahead


def test_returns_keep_the_number_of_their_track(log):
    front = [(records, truth) for channel, _, records, truth in log.scans() if channel == "RADAR_FRONT"]
    kept, all_of_them = 0, 0
    for (before, told_before), (records, truth) in pairwise(front):
        whose = {int(n): int(a) for n, a in zip(before["id"], told_before["actor_id"], strict=True)}
        assert len(set(records["id"])) == len(records)
        for number, actor, origin in zip(records["id"], truth["actor_id"], truth["origin"], strict=True):
            if origin == Origin.ACTOR and int(actor) in whose.values():
                all_of_them += 1
                kept += whose.get(int(number)) == int(actor)
    assert all_of_them > 100
    assert kept / all_of_them > 0.4


def test_the_truth_beside_the_data_says_what_each_return_is_and_true_ones_lie_on_their_actors(log):
    origins = np.concatenate([truth["origin"] for *_, truth in log.scans()])
    assert {Origin(each) for each in origins} == set(Origin)
    bodies = {row["actor_id"]: row for row in log.run.table("actors").to_pylist()}
    gaps = []
    for channel, frame, records, truth in log.scans():
        assert set(truth["actor_id"][truth["origin"] == Origin.ACTOR]) <= bodies.keys() - {log.ego_id}
        assert not records["invalid_state"][np.isin(truth["origin"], (Origin.ACTOR, Origin.STATIC))].any()
        world = apply(log.world_from_radar(channel, frame), np.stack([records[axis] for axis in "xyz"], axis=1))
        for point, told in zip(world, truth, strict=True):
            if told["origin"] == Origin.ACTOR:
                body = bodies[int(told["actor_id"])]
                local = apply(invert(pose(log.states[frame, int(told["actor_id"])])), point[None])[0]
                outside = np.abs(local[:2] - [body["box_x_m"], body["box_y_m"]]) - [
                    body["length_m"] / 2,
                    body["width_m"] / 2,
                ]
                gaps.append(max(0.0, float(outside.max())))
    assert np.percentile(gaps, 90) < 0.6
    ghosts = np.concatenate(
        [records["invalid_state"][truth["origin"] == Origin.GHOST] for _, _, records, truth in log.scans()]
    )
    assert 0.5 < (ghosts == 6).mean() < 0.9


def edited(made: Made, tmp_path: Path, what: str) -> VerifyReport:
    """What the verifier says of the dataset with a change in every scan."""
    copy = tmp_path / "copy"
    shutil.copytree(made.dataset, copy, copy_function=os.link)
    for row in json.loads((copy / "v1.0-trainval" / "radar_truth.json").read_text()):
        data = made.nusc.get("sample_data", row["sample_data_token"])
        for name, kind in ((data["filename"], RADAR_POINT), (row["filename"], RADAR_TRUTH)):
            head, mark, body = (copy / name).read_bytes().rpartition(b"DATA binary\n")
            tail = body[len(body) // kind.itemsize * kind.itemsize :]
            records = np.frombuffer(body[: len(body) - len(tail)], kind).copy()
            if kind is RADAR_POINT and what == "speeds":
                records["vx"] *= 1.05
                records["vy"] *= 1.05
            if kind is RADAR_POINT and what == "marks":
                records["invalid_state"][:] = 6
            if kind is RADAR_TRUTH and what == "ids":
                named = records["actor_id"] > 0
                records["actor_id"][named] = np.roll(records["actor_id"][named], 1)
            if kind is RADAR_TRUTH and what == "lengths":
                records = records[:-1]
            (copy / name).unlink()
            (copy / name).write_bytes(head + mark + records.tobytes() + tail)
    return verify(copy)


def test_the_dataset_is_true_and_holds_the_returns_to_what_is_told_of_them(made):
    report = verify(made.dataset)
    assert report.ok, str(report)
    assert report.counts["radar_truth"] > 1000


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("speeds", "are off by 0"),
        ("marks", "true returns that the radar marks invalid"),
        ("ids", "returns of actors are not at their boxes"),
        ("lengths", "bytes; want 5 for each"),
    ],
)
def test_what_is_wrong_with_returns_or_their_truth_is_found(made, tmp_path, what, told):
    report = edited(made, tmp_path, what)
    assert any(problem.check == "radar_truth" and told in problem.message for problem in report.problems), str(report)


def test_a_scan_of_a_device_without_its_truth_is_found(made, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made.dataset, copy, copy_function=os.link)
    path = copy / "v1.0-trainval" / "radar_truth.json"
    rows = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps(rows[1:]))

    report = verify(copy)

    (found,) = (problem.message for problem in report.problems if problem.check == "radar_truth")
    assert found.startswith("has 0 rows of this RADAR_")


def test_the_run_says_whose_the_rays_are_and_where_the_physics_are_put_in(log):
    whose = log.run.manifest["provenance"]["devices"]
    assert whose == {channel: {"rays": "embedded", "physics": "capture"} for channel in CHANNELS}


def test_the_same_run_has_the_same_scans(made, log, address, tmp_path):
    again = Log(record(tmp_path, spec(0.5), address)[0])
    first = {(channel, frame): records.tobytes() for channel, frame, records, _ in log.scans()}
    assert len(again.scans()) >= 15
    assert all(first[channel, frame] == records.tobytes() for channel, frame, records, _ in again.scans())


def test_a_stock_simulator_gives_the_same_kind_of_scans_with_their_truth(stock_address, tmp_path):
    log = Log(record(tmp_path, spec(1.0), stock_address)[0])
    assert {each["rays"] for each in log.run.manifest["provenance"]["devices"].values()} == {"stock"}
    truth = np.concatenate([truth for *_, truth in log.scans()])
    assert (truth["origin"] == Origin.ACTOR).sum() > 100
    assert (truth["origin"] == Origin.STATIC).sum() > 100
    assert log.ego_id not in truth["actor_id"]
    errors = speed_errors(log)
    assert np.median(errors["actors"]) < 0.05
    assert np.median(errors["static"]) < 0.05
