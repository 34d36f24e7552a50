"""What the simulator's sensors draw at random is drawn otherwise in each run, and the same way in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import carla
import pytest

from av_synth.launch import launch_embedded
from av_synth.run import RunSpec
from av_synth.run.execute import execute
from av_synth.run.generate import plan
from av_synth.session import Session


def test_seeds_of_cameras_and_radars_follow_from_scenario_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn, told = Session.spawn_sensor, set()

    def spawned(session: Session, type_id: str, attributes: Mapping[str, str], *more: Any) -> carla.Actor:
        names = attributes.keys() & {"noise_seed", "avsynth.noise_seed"}
        told.update((type_id, attributes[name]) for name in names)
        return spawn(session, type_id, attributes, *more)

    def seeds(seed: int) -> set[tuple[str, str]]:
        told.clear()
        planned = plan("pedestrian_runs_out", "tiny", seed, {})
        execute(RunSpec(replace(planned.scenario, duration_s=0.0), planned.rig), address)
        return set(told)

    monkeypatch.setattr(Session, "spawn_sensor", spawned)
    with launch_embedded("AvSynth01", tmp_path / "log") as address:
        first, again, other = seeds(0), seeds(0), seeds(1)

    assert {kind for kind, _ in first} == {"sensor.camera.rgb", "sensor.other.radar"}
    assert len({seed for _, seed in first}) == 1
    assert first == again
    assert first.isdisjoint(other)
