"""`av-synth probe`: what it finds on this simulator is what the simulator's profile has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from av_synth.errors import DocumentError
from av_synth.launch import launch_embedded
from av_synth.launch.choose import simulator_at
from av_synth.session.probe import NOT_MEASURED, probe
from av_synth.simulator.profile import SWITCHES, parse_profile

# of the others each is one that `ue4` has, or tells nothing where it is alone: ids that are few but not the engine's
ALONE = sorted(set(SWITCHES) - set(NOT_MEASURED) - {"colliding_ids"})


def test_the_command_prints_a_table_and_writes_a_profile_of_what_it_found(tmp_path: Path):
    wanted = "ue4+wrong_frames+late_controls+colliding_ids"
    path = tmp_path / "found.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "av_synth.cli", "probe", f"embedded:{wanted}", "--out", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    found = yaml.safe_load(path.read_text())
    assert set(found["habits"]) == set(SWITCHES)
    assert {name: each["has"] for name, each in found["habits"].items()} == {
        name: None if name in NOT_MEASURED else getattr(parse_profile(wanted), name) for name in SWITCHES
    }
    assert all(each["observed"] for each in found["habits"].values())
    assert all(each["has"] for each in found["facts"].values())
    lines = done.stdout.splitlines()
    for name, each in found["habits"].items():
        assert [line.split()[1] for line in lines if line.split()[:1] == [name]] == [
            {True: "yes", False: "no", None: "?"}[each["has"]]
        ]
    assert lines[-2:] == [f"alike: av-synth simulator --profile {found['profile']}", f"written: {path}"]


def test_a_simulator_of_our_own_cannot_be_adopted(tmp_path: Path):
    with (
        pytest.raises(
            DocumentError, match="--adopt: got --simulator embedded:ue4, which nobody else uses; leave it out"
        ),
        simulator_at("embedded:ue4", tmp_path / "log", adopt=True),
    ):
        pytest.fail("it was launched")


@pytest.mark.long
@pytest.mark.parametrize("switch", ["", *ALONE])
def test_a_habit_is_found_where_it_is_the_only_one(switch, tmp_path):
    profile = f"native+{switch}" if switch else "native"
    with launch_embedded("AvSynth01", render_threads=1, profile=profile) as address:
        found = probe(address, tmp_path)

    assert found.profile == profile
    assert {name for name, each in found.habits.items() if each.has is None} == set(NOT_MEASURED)
