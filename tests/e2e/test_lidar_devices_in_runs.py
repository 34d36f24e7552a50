"""Lidars that are devices, from the rig to the dataset: measured in the files, and judged by the verifier."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from av_synth import documents, scenario, store
from av_synth import rig as rigs
from av_synth.errors import CastError
from av_synth.geometry.transforms import Array, apply, invert, matrix_from_quaternion
from av_synth.launch import Address
from av_synth.rig import Rig
from av_synth.run import RunSpec, execute
from av_synth.scenario.scenario import from_document
from av_synth.verify import verify
from tests.e2e.conftest import Keyframes, Made, make
from tests.pages.blocks import blocks

TIME = np.dtype([("time_us", "<i4"), ("echo", "u1"), ("weather", "u1")])
TEXT = """name: wet_street
description: In heavy rain one drives ahead, one stands at the kerb, and somebody walks along.
duration_s: 1.0
road: {length_m: 60, town: AvSynth01, lanes: 1, pavement: [right]}
weather: {preset: clear_noon, rain_mm_h: 45}
ego: {speed_kmh: 50}
actors:
  lead: {body: car, at: {ahead_m: 14}, speed_kmh: 50}
  wreck: {body: car, parked: true, at: {ahead_m: 25, offset_m: -2.6}}
  walker: {body: adult, at: {ahead_m: 22, offset_m: -4.5}}
events:
  - {actor: walker, when: {time_s: 0.0}, do: {walk: {speed_kmh: 6}}}
"""
ELEVATIONS_DEG = (-24.0, -19.5, -15.0, -12.0, -9.0, -7.0, -5.0, -3.6, -2.6, -1.8, -1.1, -0.5, 0.4, 1.5, 4.0, 8.0)


def devised(folder: Path, motion: str) -> Rig:
    """The tiny rig with an uneven table of beams, some of them aside, that fire one after the other."""
    text = documents.find("sensors", "tiny").read_text()
    even = "    beams: 16\n    columns: 542\n    upper_deg: 10.67\n    lower_deg: -30.67\n"
    assert even in text
    azimuths = ", ".join("1.5" if ring % 2 else "-1.5" for ring in range(16))
    firing = ", ".join(str(5 * (ring % 4)) for ring in range(16))
    own = (
        f"    columns: 542\n    elevations_deg: {list(ELEVATIONS_DEG)}\n    azimuths_deg: [{azimuths}]\n"
        f"    device: {{motion: {motion}, echoes: 2, firing_us: [{firing}]}}\n"
    )
    path = folder / f"{motion}.yaml"
    path.write_text(text.replace(even, own).replace("name: tiny", f"name: {motion}"))
    return rigs.load(str(path))


@pytest.fixture(scope="module")
def raw(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawn = scenario.draw(from_document(documents.parse(TEXT, "wet_street.yaml")), 0)
    folder = tmp_path_factory.mktemp("raw")
    return make(folder / "store", [RunSpec(drawn, devised(folder, "raw"))], address)


def table(dataset: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((dataset / "v1.0-trainval" / f"{name}.json").read_text())
    return rows


def turns(made: Made) -> list[tuple[dict[str, Any], Array, npt.NDArray[np.int64], npt.NDArray[np.void]]]:
    """The turns of a dataset in time order: row, points (N, 3), rings, and what is told of each point."""
    told = {row["sample_data_token"]: row["filename"] for row in table(made.dataset, "lidar_time")}
    rows = [row for row in made.nusc.sample_data if row["channel"] == "LIDAR_TOP"]
    found = []
    for row in sorted(rows, key=lambda row: int(row["timestamp"])):
        points = np.fromfile(made.dataset / row["filename"], dtype="<f4").reshape(-1, 5).astype(np.float64)
        times = np.fromfile(made.dataset / told[row["token"]], dtype=TIME)
        assert len(times) == len(points)
        found.append((row, points[:, :3], points[:, 4].astype(np.int64), times))
    return found


def ego_pose(made: Made, row: dict[str, Any]) -> Array:
    pose = made.nusc.get("ego_pose", row["ego_pose_token"])
    return matrix_from_quaternion(pose["rotation"], pose["translation"])


def test_the_dataset_tells_what_its_lidar_is_and_where_its_physics_are_put_in(raw):
    device = table(raw.dataset, "lidar_device")[0]
    manifest = store.open_run(raw.runs[0]).manifest

    assert tuple(device["elevations_deg"]) == ELEVATIONS_DEG
    assert (device["motion"], device["turn_us"], device["echoes"]) == ("raw", 50_000, 2)
    assert manifest["provenance"]["devices"]["LIDAR_TOP"] == {"rays": "embedded", "physics": "capture"}


def test_rings_are_at_the_elevations_of_the_table(raw):
    elevations: dict[int, list[Array]] = {}
    for _, points, rings, _ in turns(raw):
        deg = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
        for ring in np.unique(rings).tolist():
            elevations.setdefault(ring, []).append(deg[rings == ring])

    off = {
        ring: float(np.abs(np.concatenate(found) - ELEVATIONS_DEG[ring]).max()) for ring, found in elevations.items()
    }
    assert len(off) >= 14
    assert max(off.values()) < 0.02, off


def test_times_and_ego_poses_undo_the_motion_of_the_ego_to_three_centimetres(raw):
    """Against where what was met is at the frame's moment by the simulator's own poses."""
    mount = rigs.load("tiny").lidars[0].mount.ego_from_sensor
    found = turns(raw)
    worst, moved = [], []
    for keyframes in raw.keyframes[0].ticks[1:]:
        assert keyframes.frames is not None
        scan = keyframes.frames.lidars["LIDAR_TOP"]
        row, points, _, told = found[keyframes.index]
        before = found[keyframes.index - 1][0]
        share = 1.0 + told["time_us"] / 50_000
        begin, end = ego_pose(raw, before), ego_pose(raw, row)
        still = (scan.actor_id == 0) & (told["weather"] == 0)
        undone = np.empty_like(points)
        for k, part in enumerate(share):
            mixed = (1.0 - part) * begin + part * end
            u, _, vt = np.linalg.svd(mixed[:3, :3])
            mixed[:3, :3] = u @ vt
            undone[k] = apply(invert(end @ mount) @ mixed @ mount, points[k])
        worst.append(float(np.linalg.norm(undone - scan.settled_m, axis=1)[still].max()))
        moved.append(float(np.linalg.norm(points - scan.settled_m, axis=1)[still].max()))

    assert max(worst) < 0.03, worst
    assert min(moved) > 0.4, moved  # 14 m/s for 50 ms


def test_the_page_of_datasets_undoes_the_egos_motion_in_every_turn_the_first_too(raw):
    (text,) = [block.text for block in blocks() if "def of_one_moment" in block.text]
    page: dict[str, Any] = {}
    exec(text, page)
    worst = []
    for keyframes in raw.keyframes[0].ticks:
        assert keyframes.frames is not None
        scan = keyframes.frames.lidars["LIDAR_TOP"]
        row, points, _, told = turns(raw)[keyframes.index]
        undone = page["of_one_moment"](raw.nusc, row, points, told["time_us"])
        still = (scan.actor_id == 0) & (told["weather"] == 0)
        worst.append(float(np.linalg.norm(undone - scan.settled_m, axis=1)[still].max()))

    assert max(worst) < 0.03, worst


def test_points_of_rain_are_noise_of_no_actor_and_count_for_no_box(raw):
    truths = [turn for turn in turns(raw) if turn[0]["is_key_frame"]]
    lidarseg = {row["sample_data_token"]: row["filename"] for row in raw.nusc.lidarseg}
    panoptic = {row["sample_data_token"]: row["filename"] for row in raw.nusc.panoptic}
    drops = 0
    for row, points, _, told in truths:
        weather = told["weather"] == 1
        drops += int(weather.sum())
        classes = np.fromfile(raw.dataset / lidarseg[row["token"]], dtype=np.uint8)
        assert np.array_equal(classes == 0, weather)
        assert not np.load(raw.dataset / panoptic[row["token"]])["data"][weather].any()
        solid = apply(ego_pose(raw, row) @ rigs.load("tiny").lidars[0].mount.ego_from_sensor, points[~weather])
        for token in raw.nusc.get("sample", row["sample_token"])["anns"]:
            box = raw.nusc.get_box(token)
            near = np.abs((solid - box.center) @ box.rotation_matrix) <= box.wlh[[1, 0, 2]] / 2 + 1e-4
            wanted = raw.nusc.get("sample_annotation", token)["num_lidar_pts"]
            assert abs(int(near.all(axis=1).sum()) - wanted) <= 1
    assert drops > 100


Change = Callable[[Path, list[Path]], None]


def in_times(what: Callable[[npt.NDArray[Any]], None]) -> Change:
    """A change of the records of every turn."""

    def change(dataset: Path, files: list[Path]) -> None:
        for path in files:
            told = np.fromfile(path, dtype=TIME)
            what(told)
            path.unlink()
            path.write_bytes(told.tobytes())

    return change


def in_table(name: str, what: Callable[[dict[str, Any]], None]) -> Change:
    def change(dataset: Path, files: list[Path]) -> None:
        rows = table(dataset, name)
        for row in rows:
            what(row)
        path = dataset / "v1.0-trainval" / f"{name}.json"
        path.unlink()
        path.write_text(json.dumps(rows))

    return change


def backwards(told: npt.NDArray[Any]) -> None:
    told["time_us"] = -50_000 - told["time_us"]


def dry(told: npt.NDArray[Any]) -> None:
    told["weather"] = 0


def third(told: npt.NDArray[Any]) -> None:
    told["echo"][:1] = 2


def tilted(row: dict[str, Any]) -> None:
    row["elevations_deg"][7] += 0.03


def clear(row: dict[str, Any]) -> None:
    row["weather"] = dict.fromkeys(row["weather"], 0.0)


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        (in_times(backwards), "lidar_devices", "from when the head looked there; want 0.2% at most"),
        (in_times(lambda told: told["time_us"].__iadd__(1000)), "lidar_devices", "want -50000 to 0, within the turn"),
        (in_times(third), "lidar_devices", "has an echo 2; want below 2"),
        (in_times(dry), "lidarseg", "points are noise and of a surface, or of the weather and of a class"),
        (in_table("lidar_device", tilted), "lidar_devices", "ring 7 is -0.030 degrees"),
        (
            in_table("lidar_device", lambda row: row.update(motion="none")),
            "lidar_devices",
            "turn_us = 50000 with motion 'none'",
        ),
        (in_table("lidar_device", lambda row: row.update(motion="compensated")), "lidar_devices", "degrees (median"),
        (
            in_table("lidar_device", lambda row: row.update(range_m=20)),
            "lidar_devices",
            "its device measures 1 to 20 m",
        ),
        (in_table("lidar_time", lambda row: row.update(filename="none.bin")), "files", "none.bin is missing"),
        (in_table("sample_truth", clear), "lidar_devices", "of the weather, which sample_truth says is clear"),
    ],
)
def test_what_is_wrong_with_a_device_is_found(raw, tmp_path, change, check, said):
    copy = tmp_path / "copy"
    shutil.copytree(raw.dataset, copy, copy_function=os.link)
    change(copy, sorted((copy / "lidar_times" / "LIDAR_TOP").iterdir()))

    found = [problem for problem in verify(copy).problems if problem.check == check]

    assert any(said in problem.message for problem in found), found[:3]


def snows(row: dict[str, Any]) -> None:
    clear(row)
    row["weather"]["snow_mm_h"] = 0.5


def test_points_of_the_weather_may_be_of_snow_alone(raw, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(raw.dataset, copy, copy_function=os.link)
    in_table("sample_truth", snows)(copy, [])

    assert [problem for problem in verify(copy).problems if problem.check == "lidar_devices"] == []


def test_of_rain_that_is_over_at_a_keyframe_sweeps_before_it_may_have_drops_and_the_keyframe_none(raw, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(raw.dataset, copy, copy_function=os.link)
    last = raw.nusc.scene[0]["last_sample_token"]
    in_table("sample_truth", lambda row: clear(row) if row["sample_token"] == last else None)(copy, [])

    found = [problem for problem in verify(copy).problems if problem.check == "lidar_devices"]

    assert [problem.where.partition("/")[0] for problem in found] == ["samples"], found


def test_a_stock_lidar_stands_in_where_it_can_and_is_refused_where_it_cannot(stock_address, tmp_path):
    drawn = scenario.draw(from_document(documents.parse(TEXT.replace("1.0\n", "0.5\n", 1), "wet_street.yaml")), 0)
    with pytest.raises(CastError, match="rig raw: LIDAR_TOP has motion: raw, which the simulator cannot do") as caught:
        execute(RunSpec(drawn, devised(tmp_path, "raw")), stock_address, [Keyframes()])
    assert (caught.value.at, caught.value.of_rig) == (("lidars", "LIDAR_TOP", "device"), True)

    even = devised(tmp_path, "none")
    lidar = replace(even.lidars[0], elevations_deg=None, azimuths_deg=None, upper_deg=8.0, lower_deg=-24.0)
    spec = RunSpec(drawn, replace(even, lidars=(lidar,)))
    made = make(tmp_path / "store", [spec], stock_address)  # and verifies

    assert store.open_run(made.runs[0]).manifest["provenance"]["devices"]["LIDAR_TOP"]["rays"] == "stock"
    assert sum(int((told["weather"] == 1).sum()) for *_, told in turns(made)) > 100
    assert not any(told["time_us"].any() for *_, told in turns(made))
    assert not any(table(made.dataset, "lidar_device")[0]["firing_us"])  # CARLA's fires a column's beams at once
