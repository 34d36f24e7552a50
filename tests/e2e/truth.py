"""What labels made with stock parts are compared with: the simulator's own knowledge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth import store
from av_synth.log.state import WorldState
from av_synth.simulator.profile import OBJECT_BITS, object_ids
from tests.e2e.conftest import Keyframes

Box = dict[str, Any]
LARGE_PX = 200


@dataclass
class Ties:
    """Masks of a run: how many are large, and tied rightly; how many are tied though they show somebody else, too."""

    large: int = 0
    large_right: int = 0
    silent: int = 0
    pixels: int = 0
    pixels_open: int = 0


def boxes_by_role(run: Path) -> dict[tuple[int, str], Box]:
    """A run's boxes by frame and role: actor ids differ between profiles."""
    opened = store.open_run(run)
    roles = {row["actor_id"]: row["role"] for row in opened.table("actors").to_pylist()}
    return {(box["frame"], roles[box["actor_id"]]): box for box in opened.table("boxes").to_pylist()}


def confusion(pairs: Iterable[tuple[Box, Box]]) -> npt.NDArray[np.int64]:
    """How often each true level (row, 0 to 4) was estimated as each level (column)."""
    counts = np.zeros((5, 5), dtype=np.int64)
    for true, estimated in pairs:
        counts[true["visibility"], estimated["visibility"]] += 1
    return counts


def engine_ids(instance: npt.NDArray[np.uint16], state: WorldState) -> npt.NDArray[np.int64]:
    """The actor ids (H, W) behind an image of the ue4 profile's object ids; 0 for everything else."""
    actors = np.array(sorted(state.infos), dtype=np.uint32)
    ids = object_ids(actors, np.zeros(len(actors), np.uint8), OBJECT_BITS)
    assert len(np.unique(ids)) == len(actors)  # these do not collide, so that they can be told apart here
    found = np.zeros(1 << OBJECT_BITS, dtype=np.int64)
    found[ids] = actors
    return found[instance]


def mask_ties(path: Path, keyframes: Keyframes) -> Ties:
    """Compare the masks that a run wrote, pixel by pixel, with what was drawn."""
    ties = Ties()
    ticks = {tick.index: tick for tick in keyframes.ticks}
    for row in store.open_run(path).table("masks").to_pylist():
        image = cv2.imread(str(path / row["path"]), cv2.IMREAD_UNCHANGED)
        tick = ticks[row["frame"]]
        drawn = engine_ids(tick.frames.labels[row["channel"]].instance, tick.state)
        theirs = drawn[image == row["value"]]
        right = bool((theirs == row["actor_id"]).all())
        ties.large += row["pixels"] > LARGE_PX
        ties.large_right += row["pixels"] > LARGE_PX and row["actor_id"] > 0 and right
        ties.silent += row["actor_id"] > 0 and not right
        ties.pixels += row["pixels"]
        ties.pixels_open += row["pixels"] if row["ambiguous"] else 0
    return ties
