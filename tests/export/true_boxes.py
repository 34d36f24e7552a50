"""The table `boxes_2d` of runs whose simulator draws actors alone: one row, of the truck in the first keyframe."""

from __future__ import annotations

from tests.export.synthetic_run import Rows

SIDES = ("left", "top", "right", "bottom")
TRUCK = 4


def add(rows: Rows) -> None:
    """Three tenths of the truck are seen; visible from (7, 14) to (21, 28), alone from (6, 12) to (24, 30)."""
    row: dict[str, object] = {"channel": "CAM_FRONT", "frame": 0, "actor_id": TRUCK, "visible_px": 30, "amodal_px": 100}
    row |= {f"{side}_px": end for side, end in zip(SIDES, (7, 14, 21, 28), strict=True)}
    row |= {f"amodal_{side}_px": end for side, end in zip(SIDES, (6, 12, 24, 30), strict=True)}
    rows["boxes_2d"] = [{**row, "method": "amodal_render"}]
