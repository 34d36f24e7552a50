from __future__ import annotations

import json

import carla
import pytest

from av_synth import store
from av_synth.launch import launch_embedded
from av_synth.run import Recorder, RunResult, execute
from tests.e2e.conftest import EVENT_S, shortened


def test_the_same_run_id_gives_the_same_bytes_in_another_process_whatever_frame_it_begins_at(tmp_path, monkeypatch):
    spec = shortened("pedestrian_runs_out", "tiny")
    manifests, load_world = [], carla.Client.load_world
    for parity in (0, 1):

        def load_and_wait(client, name, parity=parity):
            world = load_world(client, name)
            while world.wait_for_tick().frame % 2 != parity:
                pass
            return world

        monkeypatch.setattr(carla.Client, "load_world", load_and_wait)
        with launch_embedded("AvSynth01") as address, Recorder(tmp_path / str(parity)) as recorder:
            execute(spec, address, [recorder])
        assert recorder.path is not None
        manifests.append(json.loads((recorder.path / "manifest.json").read_text()))
        assert store.open_run(recorder.path, deep=True).run_id == recorder.path.name

    assert [a["path"] for a, b in zip(manifests[0]["files"], manifests[1]["files"], strict=True) if a != b] == []
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize("scenario", ["pedestrian_runs_out", "cut_in_wet"])
def test_state_hashes_are_equal_with_and_without_sensors_in_a_used_simulator(tiny, address, scenario):
    with_sensors = tiny.results[["pedestrian_runs_out", "cut_in_wet"].index(scenario)]
    without = execute(shortened(scenario, None, EVENT_S), address)

    assert isinstance(without, RunResult)
    assert len(without.state_hashes) == 121
    assert without.state_hashes == with_sensors.state_hashes


def test_state_hashes_are_equal_with_and_without_sensors_under_the_ue4_profile_too(stock, stock_address):
    without = execute(shortened("pedestrian_runs_out", None, EVENT_S), stock_address)

    assert isinstance(without, RunResult)
    assert without.state_hashes == stock.results[0].state_hashes


def test_another_seed_is_another_run_and_expectations_are_in_its_outcome(tiny):
    assert len({result.run_id for result in tiny.results}) == 2
    for run in map(store.open_run, tiny.runs):
        outcome = run.json("outcome.json")
        assert outcome["held"] is True
        assert run.table("metrics").num_rows > 0
