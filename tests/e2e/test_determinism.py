from __future__ import annotations

import json

import carla

from av_synth import store
from av_synth.launch import launch_embedded
from av_synth.run import Recorder, execute
from tests.e2e.conftest import shortened, simulated_again


def test_the_same_run_id_gives_the_same_bytes_in_another_process_whatever_frame_it_begins_at(tmp_path, monkeypatch):
    spec = shortened("pedestrian_runs_out", "tiny", 1.0)
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
            if parity:
                assert simulated_again(recorder.path, address, tmp_path / "again") is None
        manifests.append(json.loads((recorder.path / "manifest.json").read_text()))
        assert store.open_run(recorder.path, deep=True).run_id == recorder.path.name

    assert [a["path"] for a, b in zip(manifests[0]["files"], manifests[1]["files"], strict=True) if a != b] == []
    assert manifests[0] == manifests[1]


def test_another_seed_is_another_run_and_expectations_are_in_its_outcome(tiny):
    assert len({result.run_id for result in tiny.results}) == 2
    for run in map(store.open_run, tiny.runs):
        outcome = run.json("outcome.json")
        assert outcome["held"] is True
        assert run.table("metrics").num_rows > 0
