"""The log of a run: what plays it back is in it, from the placing on."""

from __future__ import annotations

import json
from pathlib import Path

import carla
import numpy as np

from av_synth import store
from av_synth.launch import Address
from av_synth.replay.request import Request, replay_spec
from tests.e2e.conftest import record, simulated_again


def test_a_log_tells_who_was_there_and_everything_before_the_first_frame(night_run: Path) -> None:
    run = store.open_run(night_run)
    actors = {row["role"]: row for row in run.table("actors").to_pylist()}
    attributes = {role: json.loads(row["attributes"]) for role, row in actors.items()}

    assert {role: row["towed_by"] for role, row in actors.items() if row["towed_by"]} == {
        "ahead_rear": actors["ahead"]["actor_id"]
    }
    assert {attributes[role]["role_name"] for role in ("ego", "ahead", "wreck")} == {"ego", "ahead", "wreck"}
    assert len(attributes["ego"]["color"].split(",")) == 3

    run_up, states, ticks = (run.table(name).to_pylist() for name in ("run_up", "states", "ticks"))
    everybody = {row["actor_id"] for row in actors.values()}
    before = [(row["frame"], row["actor_id"]) for row in run_up]
    assert before == [(frame, actor_id) for frame in range(-40, 0) for actor_id in sorted(everybody)]
    assert {row["time_us"] - 50_000 * row["frame"] for row in (*run_up, *states)} == {0}
    assert [row["frame"] for row in ticks] == list(range(31))

    ego = [row for row in (*run_up, *states) if row["actor_id"] == actors["ego"]["actor_id"]]
    went_m = np.diff([(row["x_m"], row["y_m"]) for row in ego], axis=0)
    velocity = np.array([(row["vx_mps"], row["vy_mps"]) for row in ego])[1:]
    np.testing.assert_allclose(went_m, 0.05 * velocity, atol=0.01)  # without a gap, to the first frame and on


def test_a_log_tells_lamps_doors_and_traffic_lights_wherever_they_change(night_run: Path) -> None:
    run = store.open_run(night_run)
    ids = {row["role"]: row["actor_id"] for row in run.table("actors").to_pylist()}
    begun = {json.loads(row["detail"])["do"]: row["frame"] for row in run.table("events").to_pylist()}
    low = carla.VehicleLightState.LowBeam | carla.VehicleLightState.Position
    blinking = carla.VehicleLightState.LeftBlinker | carla.VehicleLightState.RightBlinker

    named = {ids[role] for role in ("ego", "ahead", "wreck")}
    lamps = [(row["frame"], row["actor_id"], row["flags"]) for row in run.table("lamps").to_pylist()]
    assert [row for row in lamps if row[1] in named] == [
        (-40, ids["ego"], int(low)),
        (-40, ids["ahead"], int(low)),
        (-40, ids["wreck"], 0),
        (begun["lights"] + 1, ids["ahead"], int(blinking)),
    ]
    door = {"actor_id": ids["wreck"], "door": int(carla.VehicleDoor.FL)}
    opened, closed = run.table("doors").to_pylist()
    assert opened == {"frame": begun["open_door"], **door, "open": True}
    assert closed == {"frame": begun["open_door"] + 18, **door, "open": False}

    lights = {row["actor_id"] for row in run.table("traffic_lights").to_pylist()}
    before = run.table("run_up_lights").to_pylist()
    assert [(row["frame"], row["actor_id"]) for row in before] == [
        (frame, light) for frame in range(-40, 0) for light in sorted(lights)
    ]


def test_a_log_that_is_played_back_gives_the_same_bytes_of_every_sensor(
    night_run: Path, address: Address, tmp_path: Path
) -> None:
    played = store.open_run(night_run)
    ids = {row["role"]: row["actor_id"] for row in played.table("actors").to_pylist()}
    assert max(row["brake"] for row in played.table("controls").to_pylist() if row["actor_id"] == ids["ahead"]) > 0.1
    walked = [row["x_m"] for row in played.table("states").to_pylist() if row["actor_id"] == ids["walker"]]
    assert np.ptp(walked) > 1.5

    path, again, _ = record(tmp_path, replay_spec(played, Request()), address)

    assert list(again.state_hashes) == played.table("ticks")["state_hash"].to_pylist()
    differ = {name for name, entry in store.open_run(path).files.items() if entry != played.files[name]}
    assert differ == set()
    assert len(played.files) > 100


def test_who_opens_doors_and_drives_in_traffic_simulates_again_with_equal_ticks(
    night_run: Path, address: Address, tmp_path: Path
) -> None:
    assert simulated_again(night_run, address, tmp_path) is None
