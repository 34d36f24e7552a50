"""Map masks: grey pictures of bearable size, on whose foreground the ego drives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.reading.blobs import Grey, locate, png_layout
from av_synth.verify.reading.model import Dataset, Scene

MAP_SIDE_PX = 15_000
"""Longest side of a map's pictures: the devkit's map rendering takes 6 GB of memory at this, over 24 GB at 30,000."""

_PX_PER_M = 10.0  # fixed by nuScenes
_FOREGROUND = 255
_SHARE = 0.5  # of ego poses on the foreground: a rare event may leave the road, a flipped mask loses nearly all


def read_map_mask(dataset: Dataset, filename: str, path: Path) -> Grey | None:
    """Decode a map mask (H, W), row 0 north; None if that cannot be. The last one is kept: every scene asks for it."""
    if filename not in dataset.last_mask:
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        dataset.last_mask.clear()
        dataset.last_mask[filename] = None if mask is None else np.asarray(mask, dtype=np.uint8)
    return dataset.last_mask[filename]


def on_foreground(mask: Grey, places_m: Array) -> tuple[int, int]:
    """How many of some places (N, 2 or 3), metres of the map, are on a mask (H, W), and how many on its foreground."""
    columns = np.floor(places_m[:, 0] * _PX_PER_M).astype(np.int64)
    rows = np.floor(mask.shape[0] - places_m[:, 1] * _PX_PER_M).astype(np.int64)
    there: npt.NDArray[np.bool_] = (columns >= 0) & (columns < mask.shape[1]) & (rows >= 0) & (rows < mask.shape[0])
    return int(there.sum()), int((mask[rows[there], columns[there]] == _FOREGROUND).sum())


def check_map_masks(dataset: Dataset, findings: Findings) -> None:
    """Map masks are 8-bit grey PNGs of bearable size, on whose foreground (0.1 m a pixel, row 0 north) the ego is."""
    for filename, logfiles in dataset.map_files.items():
        path = locate(dataset, filename, f"map.json {filename}", findings)
        if path is None:
            continue
        findings.checked("map_masks")
        layout = png_layout(path)
        if layout is None or layout[2:] != (8, 0):
            findings.add("map_masks", filename, f"(width, height, bits, colour type) = {layout}; want 8-bit grey PNG")
            continue
        if max(layout[:2]) > MAP_SIDE_PX:
            message = f"{filename} is {layout[0]} x {layout[1]} pixels; rendering it takes tens of GB of memory"
            if dataset.ours:
                findings.add("map_masks", filename, f"{message}; want at most {MAP_SIDE_PX} a side")
            else:
                findings.note(f"{message}, so whether the ego drives on it was not looked at")
            continue
        mask = read_map_mask(dataset, filename, path)
        if mask is None:
            findings.add("map_masks", filename, "cannot be decoded")
            continue
        _check_foreground(filename, mask, (s for s in dataset.scenes if s.logfile in logfiles), findings)


def _check_foreground(filename: str, mask: Grey, scenes: Iterable[Scene], findings: Findings) -> None:
    places = [
        d.ego_pose.translation for scene in scenes for rows in scene.data.values() for d in rows if d.is_key_frame
    ]
    if not places:
        return
    _, on = on_foreground(mask, np.array(places))
    if on < _SHARE * len(places):
        message = f"{on} of {len(places)} ego poses are on its foreground (255)"
        findings.add("map_masks", filename, f"{message}; want pixel (10 x, height - 10 y) of the roads to be 255")
