"""Writes av_synth/session/boxes.yaml: the boxes that the ue4 profile misreports, beside those of the bodies' meshes.

Run it when a body of the embedded simulator changes: `python -m tools.measure_boxes`. Corrections from other
sources, if there are any, are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.session import boxes
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import UE4

SOURCE = "this simulator's body, measured on its mesh"
HEAD = """\
# What bounding boxes are instead of what a simulator reports (docs/reference/ue4-profile.md). A correction holds where
# exactly `reported` is reported, to a centimetre. Metres in the actor's frame: x forward, y left, z up; half_m are half
# sizes.
# Entries measured on this simulator's own bodies are written by tools/measure_boxes.py.
# There are none for CARLA's own bodies: the reports (carla#3670, #3801, #9332) give no complete true boxes.
corrections:
"""


def measured() -> Iterator[boxes.Correction]:
    """A correction for each body that the ue4 profile misreports."""
    for blueprint_id, body in catalogue().items():
        centre, half = UE4.box(body)
        if (
            UE4.offers(blueprint_id)
            and body.kind != "traffic_light"
            and not (np.allclose(centre, body.box_centre_m) and np.allclose(half, body.box_half_m))
        ):
            true = boxes.BodyBox(centre_m=rounded(body.box_centre_m), half_m=rounded(body.box_half_m))
            wrong = boxes.BodyBox(centre_m=rounded(centre), half_m=rounded(half))
            yield boxes.Correction(blueprint=blueprint_id, source=SOURCE, reported=wrong, box=true)


def rounded(vector: Array) -> boxes.Vector:
    """To a tenth of a millimetre."""
    x, y, z = (round(float(value), 4) + 0.0 for value in vector)
    return x, y, z


def text(entries: list[boxes.Correction]) -> str:
    """The table as YAML."""

    def line(box: boxes.BodyBox) -> str:
        return f"{{centre_m: {list(box.centre_m)}, half_m: {list(box.half_m)}}}"

    return HEAD + "".join(
        f"  - blueprint: {entry.blueprint}\n    source: {entry.source}\n"
        f"    reported: {line(entry.reported)}\n    box: {line(entry.box)}\n"
        for entry in entries
    )


if __name__ == "__main__":
    others = [entry for entry in boxes.corrections() if entry.source != SOURCE] if boxes.TABLE.exists() else []
    boxes.TABLE.write_text(text([*others, *measured()]))
    print(f"{boxes.TABLE}: {len(list(measured()))} measured, {len(others)} others")
