"""Runs again: from their logs, from other eyes and in other weather; and made anew, tick by tick the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from av_synth import documents, scenario, store
from av_synth import rig as rigs
from av_synth.director import Event, Outcome
from av_synth.errors import DocumentError, StoreError, UserError
from av_synth.launch import Address, launch_embedded
from av_synth.replay import state_log
from av_synth.replay.divergence import again_of, first_divergence, resimulate
from av_synth.replay.playback import Playback
from av_synth.replay.request import Request, replay_spec
from av_synth.replay.views import parse_camera, rig_of
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from tests.e2e.conftest import Made, make, record, simulated_again

BRAKING = """name: braking
description: The ego brakes on a road of its own.
duration_s: 1.5
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 30}
actors: {cone: {body: cone, at: {ahead_m: 45}}}
events:
  - {actor: ego, when: {time_s: 0.6}, do: {brake: {deceleration_mps2: 4}}}
"""
# what a simulator with other brakes runs
WORN = "import av_synth.simulator.world.dynamics as d; d._LAG_S[1] = 0.3; "


@pytest.fixture(scope="module")
def night(tiny: Made, address: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the day of `tiny` at night: a run."""
    spec = replay_spec(store.open_run(tiny.runs[0]), Request(weather="night", at="1s..3s"))
    return record(tmp_path_factory.mktemp("night"), spec, address)[0]


def log_of(path: Path) -> state_log.StateLog:
    return state_log.of_run(store.open_run(path))


@pytest.fixture(scope="module")
def worn_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    from av_synth.launch import embedded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "_SERVE", WORN + embedded._SERVE)
        with launch_embedded("AvSynth01", tmp_path_factory.mktemp("worn") / "log") as address:
            yield address


def test_runs_simulate_again_with_equal_ticks_in_a_fresh_client_and_a_used_one(
    tiny: Made, full: Made, stock: Made, address: Address, stock_address: Address, tmp_path: Path
) -> None:
    for made, where in ((tiny, address), (stock, stock_address)):
        run = store.open_run(made.runs[0])
        again = resimulate(again_of(run), where, tmp_path / run.run_id)
        assert first_divergence(state_log.of_run(run), again) is None
        assert len(again.hashes) == 101
    for path in (tiny.runs[1], *full.runs):
        assert simulated_again(path, address, tmp_path / path.name) is None


def test_a_run_by_another_clock_simulates_again_by_that_clock(address: Address, tmp_path: Path) -> None:
    rig = replace(rigs.load("tiny"), tick_us=100_000, keyframe_ticks=5, cameras=(), radars=())
    drawn = scenario.draw(from_document(documents.parse(BRAKING, "braking.yaml")), 1)
    path, made, _ = record(tmp_path / "was", RunSpec(drawn, rig), address)
    assert len(made.state_hashes) == 16
    assert simulated_again(path, address, tmp_path / "again") is None


def test_a_replay_is_not_simulated_again(night: Path, tiny: Made) -> None:
    with pytest.raises(
        UserError, match=f"is a replay of {tiny.runs[0].name}, in which nothing was simulated; want the run"
    ):
        again_of(store.open_run(night))


def test_a_changed_constant_diverges_at_the_tick_at_which_it_begins_to_matter(
    address: Address, worn_address: Address, tmp_path: Path
) -> None:
    drawn = scenario.draw(from_document(documents.parse(BRAKING, "braking.yaml")), 1)
    run = store.open_run(record(tmp_path / "was", RunSpec(drawn, None), address)[0])
    was = state_log.of_run(run)
    braked = min(frame for frame in was.frames if was.controls[frame][was.ego_id]["brake"])
    assert simulated_again(run.folder, address, tmp_path / "again") is None
    found = simulated_again(run.folder, worn_address, tmp_path / "now")
    assert found is not None
    assert found.frame == braked
    assert {each.who for each in found.differences} == {"ego"}
    assert "velocity, m/s" in {each.what for each in found.differences}
    assert str(found).startswith(f"diverges at tick {braked} ({braked * 0.05:.2f} s): ego: ")


def test_a_day_seen_at_night_keeps_its_geometry_and_is_looked_at_anew(tiny: Made, night: Path) -> None:
    day, dark = store.open_run(tiny.runs[0]), store.open_run(night)
    looks = dark.table("masks").to_pylist()
    assert looks
    brightness = {}
    for path in sorted({row["path"] for row in looks}):
        channel, name = path.split("/")[1:]
        frame = int(name.removesuffix(".png"))
        then = f"masks/{channel}/{frame + 20:06d}.png"
        assert dark.files[path].sha256 == day.files[then].sha256
        pictures = [
            cv2.imread(str(run.path(f"blobs/{channel}/{at:06d}.jpg"))).mean()
            for run, at in ((dark, frame), (day, frame + 20))
        ]
        brightness[path] = pictures
    assert all(dim < 0.6 * bright for dim, bright in brightness.values())
    lamps = {row["flags"] for row in dark.table("lamps").to_pylist()}
    assert lamps != {0}
    kept = [
        {
            (row["actor_id"], row["x_m"], row["y_m"], row["qz"], row["vx_mps"])
            for row in run.table("boxes").to_pylist()
            if row["frame"] == frame
        }
        for run, frame in ((dark, 0), (day, 20))
    ]
    assert kept[0] == kept[1]
    assert json.loads((dark.folder / "manifest.json").read_bytes())["provenance"]["replay"]["of"] == day.run_id


def test_somebody_else_may_carry_the_camera_and_the_ego_is_one_of_those_seen(
    tiny: Made, address: Address, tmp_path: Path
) -> None:
    run = store.open_run(tiny.runs[0])
    wish = "attach=pedestrian, fov=100, width=320, height=180"
    path, _, _ = record(tmp_path, replay_spec(run, Request(cameras=[wish], at="2s..2.5s")), address)
    seen = store.open_run(path)
    carriers = [row for row in seen.table("actors").to_pylist() if row["is_ego"]]
    assert [row["role"] for row in carriers] == ["pedestrian"]
    ego = log_of(tiny.runs[0]).ego_id
    assert ego in set(seen.table("boxes")["actor_id"].to_pylist())
    assert seen.table("ticks").num_rows == 11
    first = seen.table("ego_poses").to_pylist()[0]
    stood = log_of(tiny.runs[0]).state(40).actors[carriers[0]["actor_id"]].world_from_actor[:2, 3]
    assert (first["x_m"], first["y_m"]) == pytest.approx(tuple(stood), abs=1e-6)


def test_a_camera_with_the_name_of_one_that_looks_elsewhere_is_refused_and_one_without_a_name_gets_another(
    tiny: Made,
) -> None:
    run = store.open_run(tiny.runs[0])

    with pytest.raises(DocumentError, match="--camera: channel = CAM_BACK: got one that looks 50 degrees to the left"):
        replay_spec(run, Request(cameras=["yaw=50, channel=CAM_BACK"]))

    rig = replay_spec(run, Request(cameras=["attach=van, pitch=-80, channel=CAM_DOWN", "attach=van, roll=90"])).rig
    assert rig is not None
    assert [camera.channel for camera in rig.cameras] == ["CAM_DOWN", "CAM_USER", "CAM_FRONT"]


def test_a_camera_is_at_the_edge_of_who_carries_it_on_the_side_it_looks_to(tiny: Made) -> None:
    run = store.open_run(tiny.runs[0])
    looks = [f"attach=van, yaw={yaw}, channel=CAM_USER_{yaw}" for yaw in (0, 90, 180, 270)]
    rig = replay_spec(run, Request(cameras=looks)).rig
    assert rig is not None
    places = [camera.mount.translation_m for camera in rig.cameras[:4]]
    van = next(row for row in run.table("actors").to_pylist() if row["role"] == "van")
    length, width, height = van["length_m"], van["width_m"], van["height_m"]
    assert places[0][0] > 0.8 * length
    assert places[2][0] < -0.3 * length
    assert [abs(y) for _, y, _ in places] == pytest.approx([0.0, width / 2 + 0.05, 0.0, width / 2 + 0.05], abs=1e-9)
    assert places[1][1] > 0 > places[3][1]
    assert {z for *_, z in places} == {0.75 * height}

    log = log_of(tiny.runs[0])
    number = log.id_of("van") or 0
    box = replace(log.actors[number], type_id="static.prop.container")  # a thing has no axles
    rig = rig_of([parse_camera(text) for text in looks], None, replace(log, actors={**log.actors, number: box}), "van")
    ends = [camera.mount.translation_m[0] for camera in rig.cameras[:4]]
    assert ends == pytest.approx([length / 2 + 0.05, 0.0, -length / 2 - 0.05, 0.0], abs=1e-9)
    assert rig.lidars[0].mount.translation_m[0] == 0.0


def test_a_stock_simulator_plays_a_log_back_too(stock: Made, stock_address: Address, tmp_path: Path) -> None:
    run, was = store.open_run(stock.runs[0]), log_of(stock.runs[0])
    spec = replay_spec(run, Request(at="2s..2.5s"))
    gone = max(was.there(40) - {was.ego_id})
    assert isinstance(spec.script, Playback)
    told_of = replace(spec.script, log=left_at(was, gone, 45))
    made = make(tmp_path, [replace(spec, script=told_of)], stock_address)
    again = log_of(made.runs[0])
    told = store.open_run(made.runs[0]).manifest["provenance"]["replay"]
    ids = told["actor_ids"]
    assert told["limits"] == []  # this one keeps the velocities that it is given
    for actor_id, state in was.state(40).actors.items():
        played = again.state(0).actors[int(ids.get(str(actor_id), actor_id))]
        assert np.abs(played.world_from_actor - state.world_from_actor).max() < 1e-4
        assert (played.velocity_mps == state.velocity_mps).all()
    assert ids  # so tokens go by the ids of the run, not by those here
    here = int(ids[str(gone)])
    assert [here in again.there(frame) for frame in (4, 5)] == [True, False]
    assert [(event.actor_id, event.other_id) for event in again.events[6]] == [(int(ids[str(was.ego_id)]), here)]
    instances = [
        {
            row["instance_token"]: row["role"]
            for row in json.loads(next(each.dataset.glob("*/instance_actor.json")).read_text())
        }
        for each in (made, stock)
    ]
    assert instances[0]
    assert instances[0].items() <= instances[1].items()


def left_at(log: state_log.StateLog, who: int, frame: int) -> state_log.StateLog:
    """The log as if somebody had left at a frame, with an event that is about them at the next."""
    motion = log.motions[who]
    until = motion.frames < frame
    left = state_log.ActorMotion(motion.frames[until], motion.poses[until], motion.rates[until])
    told = Event(log.time_us(frame + 1), "brake", log.ego_id, who)
    return replace(log, motions={**log.motions, who: left}, events={frame + 1: (told,)})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (Request(at="7s..2s"), "--at: got 7s..2s, which ends before it begins"),
        (Request(at="3s..90s"), "--at: got 3s..90s; the run ends after"),
        (Request(at="soon"), "--at: got 'soon'; want seconds, such as 3.2s..5s"),
        (Request(weather="nigth"), "--weather: got 'nigth'; did you mean 'night'?"),
        (Request(weather="fog_density=high"), "--weather: fog_density: got 'high'; want a number"),
        (Request(weather="rain_mm_h=-5"), "--weather: rain_mm_h: got -5; want 0 to 50"),
        (Request(rig="tinny"), "got 'tinny'; did you mean 'tiny'?"),
        (Request(cameras=["attach=pedestrain"]), "did you mean 'pedestrian'?"),
        (Request(cameras=["fov=500"]), "--camera: fov = 500; want a number from 5 to 150"),
        (Request(cameras=["zoom=2, fov"]), "--camera: zoom: no such key; "),
        (Request(cameras=["z=-0.1"]), "--camera: z = -0.1; want a number from 0 to 200"),
        (Request(cameras=["attach=ego, fov=50, attach=van"]), "--camera: attach: given twice; want it once"),
        (Request(cameras=["fov=50, fov=60"]), "--camera: fov: given twice; want it once"),
        (Request(cameras=["attach=ego", "attach=pedestrian"]), "want all of a run on one"),
        (Request(cameras=["fov=50", "fov=60"]), "--camera: CAM_FRONT twice"),
    ],
)
def test_what_cannot_be_seen_again_is_refused_in_words(tiny: Made, request_: Request, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        replay_spec(store.open_run(tiny.runs[0]), request_)
    assert told in str(caught.value)


def test_a_part_of_a_run_tells_of_the_expectations_that_were_decided_in_it_by_its_own_clock(tiny: Made) -> None:
    run = store.open_run(tiny.runs[1])
    was = Outcome.from_json(run.json("outcome.json"))
    (ttc,) = (result for result in was.expectations if result.name.endswith(".ttc_s"))
    assert min(result.time_us for result in was.expectations) == -1  # such as that there is no contact
    assert was.figures

    def told(at: str | None) -> Outcome:
        script = replay_spec(run, Request(at=at)).script
        assert isinstance(script, Playback)
        return script.outcome

    end_s = log_of(tiny.runs[1]).frames[-1] * 0.05
    for whole in (None, f"0s..{end_s}s"):
        assert told(whole) == was
    at_s = ttc.time_us * 1e-6
    around = told(f"{at_s - 0.5:.2f}s..{at_s + 0.5:.2f}s")
    assert replace(ttc, time_us=500_000) in around.expectations
    assert {result.time_us for result in told(f"{at_s:.2f}s").expectations} == {0}
    for part in (around, told(f"{at_s + 0.05:.2f}s..")):
        assert all(result.time_us >= 0 for result in part.expectations)
        assert not part.figures
    assert ttc.name not in {result.name for result in told(f"{at_s + 0.05:.2f}s..").expectations}
    assert told("0s..0.5s") == Outcome(())


@pytest.mark.parametrize(
    ("edited", "kept", "told"),
    [
        ("actors", ~pc.field("is_ego"), r"its log has 0 egos and frames \[0\]"),
        ("ticks", pc.field("frame") > 0, r"its log has 1 egos and frames \[1\]"),
        ("actors", pc.field("role") != "van", "table 'states' has actor [0-9]+, which table 'actors' has not"),
    ],
)
def test_a_log_that_contradicts_itself_is_refused(tiny: Made, edited: str, kept: pc.Expression, told: str) -> None:
    class Edited(store.Run):
        def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
            found = super().table(name, columns)
            return found.filter(kept) if name == edited else found

    run = store.open_run(tiny.runs[0])
    with pytest.raises(StoreError, match=told):
        state_log.of_run(Edited(run.folder, run.run_id, run.manifest, run.files))
