"""True velocities, accelerations and the truth of samples, held against how the boxes are and move."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.model import Annotation, Dataset, Scene

_SPEED_OFF_MPS, _SPEED_SHARE = 0.3, 0.1  # of the middle box: central differences over a second blur accelerations
_SINGLE_OFF_MPS = 3.0
_LEAST_MOVERS = 4
_GAIN_MPS2, _GAINS = 1.0, 3
_GAIN_SHARE = -0.3  # true scenes have 0.0 to 1.5: what acts at an instant is not what did over a second


def check_velocities(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """True velocities against central differences of the boxes; accelerations against those of the velocities."""
    if "annotation_truth" not in dataset.extras:
        return
    off: list[float] = []
    fast: list[Array] = []
    gained: list[Array] = []
    for track in scene.tracks.values():
        said = [dataset.rows_about("annotation_truth", a.token) for _, a in track]
        for k in range(1, len(track) - 1):
            (t0, before), (_, here), (t2, after) = track[k - 1 : k + 2]
            if not said[k] or not 0 < t2 - t0 <= 1_150_000:
                continue
            findings.checked("velocities")
            truth = np.array(said[k][0]["velocity"], dtype=np.float64)
            steps = _steps(track, k)
            central = (after.world_from_box[:3, 3] - before.world_from_box[:3, 3]) / (t2 - t0) * 1e6
            error = float(np.linalg.norm((truth - central)[:2]))
            speed = float(np.linalg.norm(central[:2]))
            _measure(scene, here, error, findings)
            off.append(error - _SPEED_SHARE * speed)
            fast += [np.array([truth, central])] if speed > 2 else []
            if said[k - 1] and said[k + 1]:
                ends = [np.array(said[at][0]["velocity"], dtype=np.float64) for at in (k - 1, k + 1)]
                gain = (ends[1] - ends[0]) / (t2 - t0) * 1e6
                told = np.array(said[k][0]["acceleration"], dtype=np.float64)
                gained += [np.array([told, gain])] if np.linalg.norm(gain) > _GAIN_MPS2 else []
            # accelerating hard, a velocity still lies between those of the steps before and after, or near them
            slack = _SINGLE_OFF_MPS + float(np.linalg.norm(steps[1] - steps[0])) + 0.2 * speed
            if error > slack:
                message = f"velocity = {truth.round(2).tolist()}; its box moves at {central.round(2).tolist()} m/s"
                findings.add("velocities", annotation_place(scene, here), message)
    if len(off) >= _LEAST_MOVERS and float(np.median(off)) > _SPEED_OFF_MPS:
        message = f"velocities are {np.median(off):.2f} m/s (median) off the motion of the boxes{_guess(fast)}"
        findings.add("velocities", f"annotation_truth.json ({scene.name})", f"{message}; want m/s, the world's axes")
    _check_accelerations(scene, gained, findings)


def _check_accelerations(scene: Scene, gained: list[Array], findings: Findings) -> None:
    """Where velocities change, accelerations do not all point the other way."""
    if len(gained) < _GAINS:
        return
    told, gain = np.array(gained).transpose(1, 0, 2)
    share = float(np.sum(told * gain) / np.sum(gain * gain))
    if share < _GAIN_SHARE:
        message = f"accelerations are {share:.2f} times the change of velocities, over {len(gained)} boxes"
        where = f"annotation_truth.json ({scene.name})"
        findings.add("velocities", where, f"{message}; want the same direction: has acceleration the wrong sign?")


def _steps(track: Sequence[tuple[int, Annotation]], k: int) -> list[Array]:
    return [
        (b.world_from_box[:3, 3] - a.world_from_box[:3, 3]) / max(tb - ta, 1) * 1e6
        for (ta, a), (tb, b) in pairwise(track[k - 1 : k + 2])
    ]


def _guess(fast: list[Array]) -> str:
    if len(fast) < _LEAST_MOVERS:
        return ""
    truth, central = np.array(fast).transpose(1, 0, 2)
    speeds, wanted = np.linalg.norm(truth, axis=1), np.linalg.norm(central, axis=1)
    ratio = float(np.median(speeds / wanted))
    along = float(np.median(np.sum(truth * central, axis=1) / np.maximum(speeds * wanted, 1e-9)))
    if abs(ratio - 3.6) < 0.4:
        return ": they are km/h"
    if ratio < 0.05:
        return ": they are all zero"
    if along < -0.9:
        return ": they point backwards"
    return ": they are not in the world's axes" if abs(ratio - 1) < 0.1 else ""


def _measure(scene: Scene, annotation: Annotation, error: float, findings: Findings) -> None:
    level, token = annotation.visibility, annotation.token
    findings.measures.add("velocity", annotation.category, scene.range_m(annotation), level, error, token)


def check_sample_truth(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """Criticality names instances of the scene, and phases are words; `criticality.py` derives the values anew."""
    for sample in scene.samples:
        for row in dataset.rows_about("sample_truth", sample.token):
            findings.checked("sample_truth")
            where = f"sample_truth.json token={row['token']} ({scene.sample_name(sample.token)})"
            for entry in row["criticality"]:
                for name in ("instance_token", "other_instance_token"):
                    if entry[name] and entry[name] not in scene.tracks:
                        message = f"criticality {entry['metric']}: {name} = {entry[name]!r} is not of this scene"
                        findings.add("sample_truth", where, message)
            if not all(isinstance(name, str) for name in row["phase"]):
                findings.add("sample_truth", where, f"phase = {row['phase']}; want names of events")
