"""Red lamps on the front of a box, in images that are made here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.lamps import LampCheck

RED, BODIES = (30, 30, 200), {"grey": (120, 120, 120), "red": (35, 35, 160)}  # blue, green, red


def looked_at(folder: Path, body: str, lamps: bool) -> Findings:
    """A car that stands ahead and looks at the camera, by its box: two thirds of it are glass and grille."""
    findings = Findings()
    image = np.full((90, 160, 3), 90, np.uint8)
    image[20:80, 40:120] = (60, 60, 60)
    image[40:60, 40:120] = BODIES[body]
    if lamps:
        image[44:56, 42:48] = image[44:56, 112:118] = RED
    cv2.imwrite(str(folder / "front.png"), image)
    labels = np.zeros((90, 160), np.uint16)
    labels[20:80, 40:120] = 7
    y, x = np.nonzero(labels)
    box, sensor = np.eye(4), np.eye(4)
    sensor[0, 3] = 10.0
    annotation = SimpleNamespace(
        category="vehicle.car", visibility="4", world_from_box=box, instance_token="car", token="a", sample_token="s"
    )
    scene = SimpleNamespace(
        name="scene-0001", range_m=lambda _: 10.0, tracks={"car": [(0, annotation)]}, sample_name=lambda _: "sample"
    )
    check = LampCheck(folder, cast(Any, scene), findings)
    data = SimpleNamespace(filename="front.png", world_from_sensor=sensor)
    for _ in range(6):
        own = [np.stack([x, y], axis=1)]
        view = SimpleNamespace(data=data)
        check.add(cast(Any, SimpleNamespace(annotations=[annotation], own=own, labels=labels, view=view)))
    check.close()
    return findings


@pytest.mark.parametrize(
    ("body", "lamps", "found"), [("grey", True, True), ("grey", False, False), ("red", True, False)]
)
def test_red_lamps_on_the_front_of_a_box_are_found_but_not_the_red_of_a_red_car(body, lamps, found, tmp_path):
    assert (looked_at(tmp_path, body, lamps).count("headings") > 0) is found
