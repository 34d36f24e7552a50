"""How true labels made with stock parts are, over many scenes; docs/reference/ue4-profile.md has what it prints.

.venv/bin/python -m pytest -m long -s tests/e2e/test_labels_in_numbers.py
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from av_synth.launch import launch_embedded
from av_synth.run import RunSpec
from av_synth.run.generate import plan
from tests.e2e.conftest import record
from tests.e2e.truth import Ties, boxes_by_role, confusion, mask_ties

SCENARIOS = ("pedestrian_runs_out", "cut_in_wet")
SEEDS = range(4)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("rig", "seconds"), [("tiny", 8.0), ("nuscenes", 2.0)])
def test_levels_and_ties_under_ue4_are_those_of_the_same_scenes_under_native(rig, seconds, tmp_path):
    counts, ties, worst_m = np.zeros((5, 5), dtype=np.int64), Ties(), 0.0
    for name in SCENARIOS:
        for seed in SEEDS if rig == "tiny" else [0]:
            spec = plan(name, rig, seed, {})
            spec = RunSpec(replace(spec.scenario, duration_s=seconds), spec.rig)
            made = {}
            for profile in ("native", "ue4"):
                with launch_embedded(spec.scenario.town, tmp_path / "log", profile=profile) as address:
                    made[profile] = record(tmp_path / profile, spec, address)
            true, estimated = (boxes_by_role(made[profile][0]) for profile in ("native", "ue4"))
            counts += confusion((box, estimated[key]) for key, box in true.items())
            found = mask_ties(made["ue4"][0], made["ue4"][2])
            ties = Ties(**{field: getattr(ties, field) + value for field, value in asdict(found).items()})
            worst_m = max(worst_m, furthest_m(true, estimated))
    exact = np.trace(counts) / counts.sum()
    near = sum(int(np.trace(counts, offset)) for offset in (-1, 0, 1)) / counts.sum()
    seen = f"{rig}, {seconds:g} s: {counts.sum()} boxes, {exact:.1%} exact, {near:.1%} within one\n{counts}\n{ties}"
    print(f"\n{seen}")  # noqa: T201  that is what one runs it for

    assert exact >= 0.85
    assert near >= 0.98
    assert ties.large_right >= 0.99 * ties.large > 0
    assert ties.silent == 0
    assert worst_m < 0.005


def furthest_m(true: dict, estimated: dict) -> float:
    """How far the centre of any box under ue4 is from its like under native.

    Traffic is left out: the client's Traffic Manager keeps clear of the boxes that it is told.
    """
    placed = [key for key in true if not key[1].startswith("traffic_")]
    return max(abs(true[key][axis] - estimated[key][axis]) for key in placed for axis in ("x_m", "y_m", "z_m"))
