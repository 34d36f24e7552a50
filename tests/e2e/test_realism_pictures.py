"""The photographs of the realism benches, without their judge: what is played, the picture, and what is true of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from av_synth.launch import Address
from av_synth.session import open_session
from tests.e2e.conftest import shortened
from tools import bench_bodies
from tools.realism_frames import Shot, take
from tools.realism_judge import fitted
from tools.realism_orders import Order
from tools.realism_truth import truths, with_boxes


def counted(shot: Shot) -> dict[str, str]:
    """Group by blueprint of what a detector is to find; boxes are inside the picture."""
    bgr, scale = fitted(shot.bgr)
    found = truths(shot, scale, shot.label.instance)
    for truth in found:
        left, top, right, bottom = truth.box
        assert 0.0 <= left < right <= bgr.shape[1]
        assert 0.0 <= top < bottom <= bgr.shape[0]
    return {truth.body: truth.group for truth in found if truth.large_enough}


def test_an_order_is_played_until_somebody_is_seen_and_photographed(address: Address) -> None:
    order = Order("clear day", shortened("pedestrian_runs_out", None).scenario, 1, 3, people=False)
    (shot,) = take(order, address)

    assert shot.bgr.shape == (900, 1600, 3)
    assert shot.where[:2] == ("AvSynth01", "pedestrian_runs_out")
    assert counted(shot)
    boxes, instance = with_boxes(shot)
    assert (boxes[instance != shot.label.instance] != shot.bgr[instance != shot.label.instance]).any()


def test_a_body_is_photographed_alone_in_a_street(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_bodies, "_TOWN", "AvSynth01")  # where the simulator is already
    with open_session(address, "AvSynth01", 50_000, 0, tmp_path) as session:
        shot = next(bench_bodies._shots(session, ["vehicle.audi.tt"]))

    assert counted(shot) == {"vehicle.audi.tt": "car"}
    assert np.ptp(shot.bgr) > 100
