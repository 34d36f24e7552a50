"""counterfactuals.json: what is said to be the same thing, or the same moment, in two scenes is."""

from __future__ import annotations

import math

from av_synth.verify.findings import Findings
from av_synth.verify.reading.model import Annotation, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import short

_CHECK = "counterfactuals"
_APART_M = 0.5  # seen from above: two simulators may have boxes of other sizes for one body


def check_counterfactuals(dataset: Dataset, findings: Findings) -> None:
    """Counterparts are in the scenes named, of one category, as far apart in time as all, and in one place."""
    scenes = {scene.token: scene for scene in dataset.scenes}
    for found in dataset.extras.get(_CHECK, {}).values():
        for row in found:
            here, there = scenes[row["scene_token"]], scenes[row["counterpart_scene_token"]]
            findings.enter(here.name)
            _check_row(row, here, there, findings)
            findings.enter("")


def _check_row(row: Row, here: Scene, there: Scene, findings: Findings) -> None:
    where = f"{_CHECK}.json token={row['token']} ({here.name})"
    findings.checked(_CHECK)
    if here is there:
        findings.add(_CHECK, where, "is its own counterpart; want another scene")
        return
    named = (
        ("samples", [{sample.token for sample in scene.samples} for scene in (here, there)]),
        ("instances", [set(scene.tracks) for scene in (here, there)]),
    )
    sound = True
    for name, known in named:
        sides = (list(row[name].keys()), list(row[name].values()))
        for scene, tokens, own in zip((here, there), sides, known, strict=True):
            for token in sorted(set(tokens) - own):
                findings.add(_CHECK, where, f"{name} has {short(token)}, which is not in {scene.name}")
                sound = False
        if len(set(sides[1])) < len(sides[1]):
            findings.add(_CHECK, where, f"{name} has one counterpart for two; want one for each")
            sound = False
    if sound:
        _check_times(row, where, here, there, findings)
        _check_things(row, where, here, there, findings)


def _check_times(row: Row, where: str, here: Scene, there: Scene, findings: Findings) -> None:
    mine, others = ({sample.token: sample.timestamp_us for sample in scene.samples} for scene in (here, there))
    late_us = {token: mine[token] - others[other] for token, other in row["samples"].items()}
    first = next(iter(late_us.values()), 0)
    for token, late in late_us.items():
        findings.checked(_CHECK)
        if late != first:
            message = f"is {late} us later than its counterpart, the first sample {first} us; want one lag for all"
            findings.add(_CHECK, where, f"{here.sample_name(token)} {message}")


def _check_things(row: Row, where: str, here: Scene, there: Scene, findings: Findings) -> None:
    for own, other in row["instances"].items():
        tracks = [_by_sample(scene, token) for scene, token in ((here, own), (there, other))]
        kinds = [next(iter(track.values())).category for track in tracks]
        findings.checked(_CHECK)
        if kinds[0] != kinds[1]:
            findings.add(_CHECK, where, f"instance {own} is {kinds[0]}, its counterpart {kinds[1]}; want one category")
        for sample, annotation in tracks[0].items():
            counterpart = tracks[1].get(row["samples"].get(sample, ""))
            if counterpart is None:
                continue
            findings.checked(_CHECK)
            off_m = math.dist(annotation.translation[:2], counterpart.translation[:2])
            if off_m > _APART_M:
                message = f"is {off_m:.2f} m from its counterpart {counterpart.token}; want {_APART_M} m at most"
                findings.add(_CHECK, f"sample_annotation.json token={annotation.token} ({here.name})", message)


def _by_sample(scene: Scene, instance: str) -> dict[str, Annotation]:
    return {annotation.sample_token: annotation for _, annotation in scene.tracks[instance]}
