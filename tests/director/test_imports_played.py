"""OpenSCENARIO files of others are played to their end; `tests/scenario` holds the import itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import scenario
from av_synth.errors import CastError
from av_synth.launch import Address
from av_synth.run.execute import execute
from av_synth.run.spec import RunResult, RunSpec
from av_synth.scenario.openscenario import import_file
from tests.scenario.test_openscenario_samples import FILES, SAMPLES

CARLA_MAPS = ("Town01", "Town04")  # of CARLA's own, which are not among the files
NO_MAP = "unknown"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not FILES, reason=f"no OpenSCENARIO files of others under {SAMPLES}: none is played"),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_of_others_runs_to_its_end_on_its_own_map_or_says_which_map_it_lacks(
    path: Path, address: Address
) -> None:
    found = import_file(path).scenario
    concrete = scenario.draw(found, 0)
    if concrete.town in CARLA_MAPS:
        with pytest.raises(
            CastError, match=f"has no town '{concrete.town}'; .* the path of an OpenDRIVE file of {concrete.town}"
        ):
            execute(RunSpec(concrete, None), address)
        return
    if concrete.town == NO_MAP:
        concrete = scenario.draw(found, 0, town=str(next(SAMPLES.rglob("straight_500m.xodr"))))

    result = execute(RunSpec(concrete, None), address)

    assert isinstance(result, RunResult)
    assert len(result.state_hashes) == round(concrete.duration_s * 20) + 1
