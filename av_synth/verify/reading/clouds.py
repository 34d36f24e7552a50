"""Reads lidar .pcd.bin and radar .pcd files and checks their layout, and that turns are whole."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array

Float32 = npt.NDArray[np.float32]

_FARTHEST_M = 400.0
_MOST_RINGS = 256
_SECTORS, _SECTORS_SEEN = 36, 33  # a whole turn sees the ground in every direction, but for a drop or water
_INTENSITIES = 100  # points that are enough to tell
_HALF_M, _HALF_POINTS, _HALF_SHARE = 6.0, 100, 0.1  # points of a quarter turn beyond; of sweeps to those of keyframes
_SIDES = 2  # of keyframes, before and after, at which sweeps tell that something is missing
_RING_POINTS = 20  # a ring's elevation is taken from at least so many points
_RING_SPREAD_DEG = 1.5  # of a ring's elevations, noise and vibration included

_RADAR_HEADER = (
    b"# .PCD v0.7 - Point Cloud Data file format",
    b"VERSION 0.7",
    b"FIELDS x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms invalid_state pdh0 "
    b"vx_rms vy_rms",
    b"SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1",
    b"TYPE F F F I I F F F F F I I I I I I I I",
    b"COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    None,  # WIDTH n
    b"HEIGHT 1",
    b"VIEWPOINT 0 0 0 1 0 0 0",
    None,  # POINTS n
    b"DATA binary",
)
RADAR_RECORD = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("dyn_prop", "i1"), ("id", "<i2"), ("rcs", "<f4")]
    + [(name, "<f4") for name in ("vx", "vy", "vx_comp", "vy_comp")]
    + [(name, "i1") for name in ("is_quality_valid", "ambig_state", "x_rms", "y_rms", "invalid_state", "pdh0")]
    + [(name, "i1") for name in ("vx_rms", "vy_rms")]
)
"""One radar return as nuScenes packs it, 43 bytes."""


@dataclass(frozen=True)
class Sweep:
    """A lidar turn: points (N, 3) in the lidar frame, float64 metres, and rings (N,), 0 the lowest beam."""

    points: Array
    rings: npt.NDArray[np.int64]


def read_lidar(
    content: bytes, where: str, findings: Findings, *, whole: bool = True, spins: bool = True
) -> Sweep | None:
    """Read the content of a .pcd.bin, checking its layout; None when it is not five columns of float32.

    Args:
        content: of the file.
        where: its name, for findings.
        findings: where those go.
        whole: a whole turn is wanted; a lidar that fails has part of one, or nothing.
        spins: it turns all the way round, with one elevation a ring; of a device more is known (`points.turns`).
    """
    findings.checked("lidar_files")
    size = len(content)
    if size == 0 and not whole:
        return Sweep(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    if size == 0 or size % 20:
        guess = _other_layout(content)
        findings.add("lidar_files", where, f"is {size} bytes{guess}; want rows of 5 float32 (20 bytes), at least one")
        return None
    columns = np.frombuffer(content, dtype="<f4").reshape(-1, 5)
    problem = _column_problem(columns)
    if problem:
        findings.add("lidar_files", where, f"{problem}{_other_layout(content)}")
        return None
    problem = _intensity_problem(columns[:, 3]) if whole else ""
    if problem:
        findings.add("lidar_files", where, problem)
    sweep = Sweep(columns[:, :3].astype(np.float64), columns[:, 4].astype(np.int64))
    problem = (turn_problem(sweep.points) if whole else "") or _ring_problem(sweep)
    if problem and spins:
        findings.add("lidar_files", where, problem)
    return sweep


def _column_problem(columns: Float32 | Array) -> str:
    layout = "want 5 float32 columns x, y, z, intensity, ring"
    if not np.isfinite(columns).all():
        return f"has {int((~np.isfinite(columns)).any(axis=1).sum())} rows that are not finite; {layout}"
    farthest_m = float(np.abs(columns[:, :3]).max())
    if farthest_m > _FARTHEST_M:
        return f"has points {farthest_m:.3g} m away; {layout}"
    intensity, rings = columns[:, 3], columns[:, 4]
    if intensity.min() < 0 or intensity.max() > 255:
        return f"has intensities from {intensity.min():.4g} to {intensity.max():.4g}, want 0 to 255; {layout}"
    if (rings != np.floor(rings)).any() or rings.min() < 0 or rings.max() >= _MOST_RINGS:
        return f"has rings from {rings.min():.4g} to {rings.max():.4g}, want whole numbers from 0; {layout}"
    return ""


def _intensity_problem(intensity: Float32) -> str:
    """Intensities are 0 to 255; a whole turn sees bright and dark surfaces."""
    if len(intensity) < _INTENSITIES:
        return ""
    low, high = float(intensity.min()), float(intensity.max())
    if low == high:
        return f"has the intensity {low:g} at all of its {len(intensity)} points; want what surfaces reflect, 0 to 255"
    return f"has no intensity above {high:.4g}; want 0 to 255, not 0 to 1" if high <= 1.0 else ""


def _other_layout(content: bytes) -> str:
    """What a file that is not five columns of float32 looks like instead; '' for nothing known."""
    for form, columns, name in (
        ("<f8", 5, "float64 with 5 columns"),
        ("<f8", 4, "float64 with 4 columns"),
        ("<f4", 4, "float32 with 4 columns (no ring)"),
        ("<f4", 6, "float32 with 6 columns"),
        ("<f4", 3, "float32 with 3 columns (no intensity, no ring)"),
        (">f4", 5, "big-endian float32"),
        ("<f2", 5, "float16"),
    ):
        if len(content) == 0 or len(content) % (columns * np.dtype(form).itemsize):
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            rows = np.frombuffer(content, dtype=form).reshape(-1, columns).astype(np.float64)
        filled = np.zeros((len(rows), 5), dtype=np.float64)
        filled[:, : min(columns, 5)] = rows[:, :5]
        if np.isfinite(rows).all() and not _column_problem(filled) and np.ptp(filled[:, :3], axis=0).min() > 0.5:
            return f": it looks like {name}"
    return ""


def turn_problem(points: Array, fov_deg: float = 360.0) -> str:
    """Whether a turn that is so wide, its middle at y, has points (N, 3) in all directions; '' if it has."""
    share = np.arctan2(points[:, 0], points[:, 1]) / math.radians(fov_deg) + 0.5
    sectors = round(_SECTORS * fov_deg / 360.0)
    seen = len(np.unique((share[(share >= 0.0) & (share < 1.0)] * sectors).astype(np.int64)))
    enough = math.floor(_SECTORS_SEEN * sectors / _SECTORS)
    return "" if seen >= enough else f"has points in {seen} of {sectors} directions; want a whole turn"


def _ring_problem(sweep: Sweep) -> str:
    elevations = ring_elevations_deg(sweep)
    known = np.flatnonzero(~np.isnan(elevations[:, 1]))
    wide = known[(elevations[known, 2] - elevations[known, 0]) > _RING_SPREAD_DEG]
    if len(wide):
        low, _, high = elevations[wide[0]]
        return f"ring {wide[0]} goes from {low:.1f} to {high:.1f} degrees of elevation; want one beam a ring"
    falls = np.flatnonzero(np.diff(elevations[known, 1]) <= 0)
    if len(falls):
        a, b = known[falls[0]], known[falls[0] + 1]
        rise = f"{elevations[a, 1]:.1f} and {elevations[b, 1]:.1f} degrees"
        return f"rings {a} and {b} are at {rise}; want ring 0 lowest, z up in the lidar frame"
    return ""


def ring_elevations_deg(sweep: Sweep) -> Array:
    """Per ring, the 5th, 50th and 95th percentile of its elevations, (R, 3); NaN where there are too few points."""
    flat_m = np.hypot(sweep.points[:, 0], sweep.points[:, 1])
    elevation = np.degrees(np.arctan2(sweep.points[:, 2], flat_m))
    out = np.full((int(sweep.rings.max()) + 1, 3), np.nan)
    order = np.argsort(sweep.rings, kind="stable")
    borders = np.searchsorted(sweep.rings[order], np.arange(len(out) + 1))
    for ring in range(len(out)):
        own = elevation[order[borders[ring] : borders[ring + 1]]]
        if len(own) >= _RING_POINTS:
            own = np.sort(own)
            out[ring] = own[len(own) // 20], own[len(own) // 2], own[-1 - len(own) // 20]
    return out


class QuarterCheck:
    """Counts the points of each quarter of a turn, in keyframes and in the sweeps next to them: all see all around.

    `read_lidar` asks each turn for points in all directions, which near ones alone, on the ego itself, give as well.
    What hides a quarter, such as a wall that the lidar passes, does so in one turn as in the next.
    """

    def __init__(self) -> None:
        self._turns: list[tuple[bool, Array]] = []

    def add(self, sweep: Sweep, keyframe: bool) -> None:
        """Take the next turn, in the order of time."""
        x, y = sweep.points[np.abs(sweep.points[:, :2]).max(axis=1) > _HALF_M, :2].T
        quarters = [(x > np.abs(y)), (-x > np.abs(y)), (y > np.abs(x)), (-y > np.abs(x))]
        self._turns.append((keyframe, np.array([own.sum() for own in quarters], dtype=np.float64)))

    def problem(self) -> str:
        """What is missing in sweeps, or in keyframes, '' for nothing."""
        keyframes, sweeps = self._moments()
        if not len(keyframes):
            return ""
        weights = np.isfinite(sweeps).sum(axis=1)[:, 0]
        for name, few, many in (
            ("sweeps", np.nanmax(sweeps, axis=1), keyframes),
            ("keyframes", keyframes, np.nanmin(sweeps, axis=1)),
        ):
            told = many >= _HALF_POINTS
            lacks = told & (few < _HALF_SHARE * many)
            # at an end of the scene there is a sweep on one side only, which may be the first past a corner
            lacking = np.flatnonzero((lacks.T @ weights >= _SIDES) & (2 * lacks.sum(axis=0) > told.sum(axis=0)))
            if len(lacking):
                k = int(lacking[0])
                side = ("+x", "-x", "+y", "-y")[k]
                fewer, more = (float(np.median(counts[told[:, k], k])) for counts in (few, many))
                message = f"{name} have {fewer:.0f} points (median) beyond {_HALF_M:g} m towards {side} of the lidar"
                return f"{message}, the others {more:.0f}; want a whole turn in each: is half a turn missing?"
        return ""

    def _moments(self) -> tuple[Array, Array]:
        """Of each keyframe next to a sweep its counts (N, 4), and those of the sweeps around it (N, 2, 4) or NaN."""
        none = np.full(4, np.nan)
        keyframes, sweeps = [], []
        turns = [(True, none), *self._turns, (True, none)]
        for before, (keyframe, own), after in zip(turns, turns[1:], turns[2:], strict=False):
            around = [none if is_key else counts for is_key, counts in (before, after)]
            if keyframe and np.isfinite(around).any():
                keyframes.append(own)
                sweeps.append(around)
        return np.array(keyframes), np.array(sweeps)


def read_radar(content: bytes, where: str, findings: Findings) -> npt.NDArray[np.void] | None:
    """Read the content of a radar .pcd, checking header, length and values; None when the layout is wrong.

    Returns:
        Records of `RADAR_RECORD`; an empty scan, which nuScenes writes as one record with x = NaN, has none.
    """
    findings.checked("radar_files")
    lines = content.split(b"\n", len(_RADAR_HEADER))
    problem = _radar_header_problem(lines)
    if problem:
        findings.add("radar_files", where, problem)
        return None
    n, body = int(lines[6].split()[1]), lines[-1]
    needed = n * RADAR_RECORD.itemsize
    if len(body) <= needed:
        message = f"has {len(body)} bytes after the header; want {n} records of {RADAR_RECORD.itemsize} and 1 byte more"
        findings.add("radar_files", where, message)
        return None
    records = np.frombuffer(body, dtype=RADAR_RECORD, count=n)
    if n == 1 and np.isnan(records["x"][0]):
        return records[:0]
    problem = _radar_value_problem(records)
    if problem:
        findings.add("radar_files", where, problem)
        return None
    return records


def _radar_header_problem(lines: list[bytes]) -> str:
    if len(lines) <= len(_RADAR_HEADER):
        return f"has {len(lines) - 1} lines of header; want {len(_RADAR_HEADER)}, then binary records"
    for k, wanted in enumerate(_RADAR_HEADER):
        if wanted is not None and lines[k].rstrip() != wanted:
            got = lines[k][:60].decode("ascii", "replace")
            return f"header line {k} = {got!r}; want {wanted.decode()!r} (readers go by line number)"
    for k, word in ((6, b"WIDTH"), (9, b"POINTS")):
        parts = lines[k].split()
        if len(parts) != 2 or parts[0] != word or re.fullmatch(rb"[1-9][0-9]{0,8}", parts[1]) is None:
            got = lines[k][:60].decode("ascii", "replace")
            return f"header line {k} = {got!r}; want {word.decode()} and a number of at least 1"
    if lines[6].split()[1] != lines[9].split()[1]:
        return f"WIDTH {lines[6].split()[1].decode()} and POINTS {lines[9].split()[1].decode()} differ; want them equal"
    return ""


def _radar_value_problem(records: npt.NDArray[np.void]) -> str:
    for name in ("x", "y", "z", "rcs", "vx", "vy", "vx_comp", "vy_comp"):
        if not np.isfinite(records[name]).all():
            return f"{name} has values that are not finite"
    farthest_m = float(max(np.abs(records[name]).max() for name in "xyz"))
    if farthest_m > _FARTHEST_M:
        return f"has points {farthest_m:.3g} m away; want the packed record of nuScenes"
    if (records["x"] < 0).any():
        return f"has {int((records['x'] < 0).sum())} points behind the radar; want x forward"
    if not np.isin(records["dyn_prop"], np.arange(8)).all():
        return f"dyn_prop goes from {records['dyn_prop'].min()} to {records['dyn_prop'].max()}; want 0 to 7"
    fastest = float(max(np.abs(records[name]).max() for name in ("vx", "vy", "vx_comp", "vy_comp")))
    return "" if fastest < 150.0 else f"has speeds of {fastest:.3g} m/s; want under 150"
