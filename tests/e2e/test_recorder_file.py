"""A run as a file of CARLA's recorder, and the file played back as a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from av_synth import store
from av_synth.director import Outcome
from av_synth.recording import read
from av_synth.replay import carla_recorder
from av_synth.replay.request import Request, recording_spec, replay_spec, scenario_of, spec_of
from av_synth.replay.state_log import StateLog, of_run
from av_synth.scenario.weather import Weather
from tests.e2e.conftest import record


@pytest.fixture(scope="module")
def run(night_run: Path) -> store.Run:
    return store.open_run(night_run)


@pytest.fixture(scope="module")
def there_and_back(run: store.Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[StateLog, tuple[str, ...]]:
    """What is read of the file that the run is written as, and what was lost at writing."""
    file = tmp_path_factory.mktemp("file") / "street.log"
    lost = carla_recorder.write(of_run(run), file)
    return carla_recorder.of_recording(read(file))[0], lost


def test_a_run_written_as_a_file_of_carlas_recorder_is_the_same_story_when_it_is_read(run, there_and_back) -> None:
    log, (back, lost) = of_run(run), there_and_back

    assert (back.ego_id, back.frames, back.town) == (log.ego_id, log.frames, log.town)
    for facts in ("type_id", "towed_by", "category"):
        told, found = ({who: getattr(each, facts) for who, each in one.actors.items()} for one in (log, back))
        assert found == told
    for at in log.frames:
        told, found = log.state(at), back.state(at)
        assert found.actors.keys() == told.actors.keys()
        for who, each in told.actors.items():
            np.testing.assert_allclose(found.actors[who].world_from_actor, each.world_from_actor, rtol=0, atol=1e-4)
            if not told.infos[who].type_id.startswith("static."):  # CARLA records no velocity of things
                np.testing.assert_allclose(found.actors[who].velocity_mps, each.velocity_mps, rtol=0, atol=1e-4)
        assert back.traffic_lights.get(at) == log.traffic_lights.get(at)
    assert any("CARLA has no blueprint static.prop.avsynth_bendy_bus_rear" in sentence for sentence in lost)


def test_what_is_played_back_is_said_to_be_in_the_weather_of_the_log_at_its_first_frame(run, tmp_path) -> None:
    file, log, drawn = tmp_path / "street.log", of_run(run), scenario_of(run)
    carla_recorder.write(log, file)
    spec, _ = recording_spec(file, Request(rig="tiny"))
    assert spec.scenario.weather.to_json() == pytest.approx(drawn.weather.to_json(), rel=1e-6)
    assert replay_spec(run, Request()).scenario.weather == drawn.weather

    dry = Weather(cloudiness=25.0, sun_altitude_angle=-30.0).to_json()
    cleared = replace(log, weather={**log.weather, 10: dry})
    for at, weather in (("0s..1s", drawn.weather), ("0.45s..", drawn.weather), ("0.5s..", Weather(**dry))):
        assert spec_of(cleared, drawn, Request(at=at), None, Outcome(())).scenario.weather == weather


def test_a_file_of_carlas_recorder_is_played_back_like_a_run(run, there_and_back, address, tmp_path) -> None:
    log, spec = of_run(run), spec_of(there_and_back[0], scenario_of(run), Request(), None, Outcome(()))
    again = of_run(store.open_run(record(tmp_path, spec, address)[0]))

    assert (again.frames, again.doors, lamps(again)) == (log.frames, log.doors, lamps(log))
    assert sum(map(len, again.doors.values())) == 2
    by_role = {info.role: who for who, info in again.actors.items()}
    assert by_role.keys() == {info.role for info in log.actors.values()}
    for at in log.frames:
        for who, each in log.state(at).actors.items():
            found = again.state(at).actors[by_role[log.actors[who].role]]
            np.testing.assert_allclose(found.world_from_actor, each.world_from_actor, rtol=0, atol=1e-3)


def lamps(log: StateLog) -> dict[tuple[int, int], int]:
    """By frame and actor, where they changed; a file begins with those that are on at its first frame."""
    return {(max(at, 0), who): flags for at in sorted(log.lamps) for who, flags in log.lamps[at].items()}
