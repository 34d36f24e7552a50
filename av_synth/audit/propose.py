"""A campaign that fills the largest gaps: text that `av-synth campaign` reads, of scenarios of the library alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from av_synth import documents
from av_synth.audit.combinations import Cell
from av_synth.audit.contents import Contents
from av_synth.audit.domain import Domain
from av_synth.audit.model import Finding
from av_synth.audit.parameters import Axis, Gaps
from av_synth.scenario.expressions import Value

_MOST_POINTS = 12  # of one scenario
_DRAWS = 4  # in each weather and light that is missing, and of each class
_SCENARIOS = 2  # that are drawn in it
_RIG, _EVERYBODY = "nuscenes", "every_class"
_LIGHTS: Mapping[str, dict[str, Any]] = {
    "day": {"preset": "cloudy_noon"},
    "low sun": {"preset": "clear_dusk"},
    "night": {"preset": "clear_night"},
}
_WEATHERS: Mapping[str, dict[str, Any]] = {
    "dry": {},
    "rain": {"rain_mm_h": 10.0},
    "fog": {"fog_density": 40.0, "fog_distance": 10.0},
    "snow": {"snow_mm_h": 2.0, "snow_cover": 70.0, "cloudiness": 100.0},
}
HEADER = (
    b"# Fills what `av-synth audit` found missing; what it takes: `av-synth campaign FILE --out STORE --dry-run`.\n"
)
"""How the file begins."""


def proposed(
    here: Contents,
    other: Contents | None,
    gaps: Sequence[Gaps],
    domain: tuple[Domain, Sequence[Cell]] | None,
    findings: Sequence[Finding],
) -> str:
    """The campaign as text; '' if nothing is missing that a scenario of the library could fill.

    Args:
        here: the dataset.
        other: that it is compared with.
        gaps: of each scenario's parameters.
        domain: a design domain, and the combinations that are missing of it.
        findings: what the audit found.
    """
    known = _Known(here)
    entries = [
        *_of_classes(findings, other, known),
        *_of_conditions(_conditions(domain, findings), known),
        *(entry for gap in gaps for entry in _of_parameters(gap, known)),
    ]
    if not entries:
        return ""
    document = {
        "name": "fill_gaps",
        "description": f"What {here.name} lacks.",
        "runs": entries,
    }
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return HEADER.decode() + text


class _Dumper(yaml.SafeDumper):
    """Writes every value out, as our documents want it."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  yaml's own signature
        """No value refers to another one."""
        return True


class _Known:
    """What new runs begin with: the dataset's rig, seeds that it has not, its scenarios that the library has."""

    def __init__(self, here: Contents) -> None:
        rigs = Counter(str(scene.values.get("rig", "")) for scene in here.scenes)
        self.rig = next((rig for rig, _ in rigs.most_common() if rig in documents.names("sensors")), _RIG)
        seeds = [seed for scene in here.scenes if isinstance(seed := scene.values.get("seed"), int)]
        self.seed = max(seeds, default=-1) + 1
        self.scenarios = _in_library(here) or [_EVERYBODY]


def _in_library(batch: Contents, category: str = "") -> list[str]:
    """Scenarios of the library that scenes are of, those of most scenes first; with somebody of a class, if given."""
    found = Counter(
        str(scene.values.get("scenario", ""))
        for scene in batch.scenes
        if not category or scene.counts["class"][category]
    )
    library = documents.names("scenarios")
    return [name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0])) if name in library]


def _of_classes(findings: Sequence[Finding], other: Contents | None, known: _Known) -> Iterator[dict[str, Any]]:
    """Draws of scenarios that had who is missing, or of the one that has everybody."""
    wanted: dict[str, None] = {}
    for finding in findings:
        slice_name, _, category = finding.about.partition("=")
        if finding.kind == "missing" and slice_name == "class":
            named = (_in_library(other, category) if other else []) or [_EVERYBODY]
            wanted[named[0]] = None
    for name in wanted:
        yield {"scenario": name, "rig": known.rig, "seeds": {"from": known.seed, "count": _DRAWS}}


def _conditions(domain: tuple[Domain, Sequence[Cell]] | None, findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """(weather, light) that are missing, '' for any."""
    wanted: dict[tuple[str, str], None] = {}
    for finding in findings:
        name, _, value = finding.about.partition("=")
        if finding.kind == "missing" and name in ("weather", "light"):
            wanted[(value, "") if name == "weather" else ("", value)] = None
        if finding.kind == "one value" and name in ("weather", "light"):
            others = [each for each in (_WEATHERS if name == "weather" else _LIGHTS) if each not in (value, "snow")]
            wanted |= dict.fromkeys((each, "") if name == "weather" else ("", each) for each in others)
    if domain is not None:
        named = [axis.name for axis in domain[0].axes]
        for cell in domain[1]:
            values = {named[k]: domain[0].wanted[k][value] for k, value in cell}
            if values.keys() <= {"weather", "light"}:
                wanted[values.get("weather", ""), values.get("light", "")] = None
    whole = {pair for pair in wanted if all(pair)}
    return [
        pair for pair in wanted if pair in whole or not any(set(filter(None, pair)) <= set(other) for other in whole)
    ]


def _of_conditions(wanted: Sequence[tuple[str, str]], known: _Known) -> Iterator[dict[str, Any]]:
    """Draws of the commonest scenarios in each weather and light that is missing."""
    weathers = [
        {**_LIGHTS[light or "day"], **_WEATHERS[weather or "dry"]}
        for weather, light in wanted
        if (light or "day") in _LIGHTS and (weather or "dry") in _WEATHERS
    ]
    if weathers:
        for name in known.scenarios[:_SCENARIOS]:
            seeds = {"from": known.seed, "count": _DRAWS}
            yield {"scenario": name, "rig": known.rig, "seeds": seeds, "weather": weathers}


def _of_parameters(gaps: Gaps, known: _Known) -> Iterator[dict[str, Any]]:
    """Draws that hold as many missing combinations as go together, until all are held or there are enough draws."""
    left = list(gaps.missing)
    number = 0
    while left and gaps.document is not None and number < _MOST_POINTS:
        chosen: dict[int, int] = {}
        for cell in left:
            together = {**chosen, **dict(cell)}
            if all(chosen.get(axis, value) == value for axis, value in cell) and (
                together == chosen or gaps.document.chance.can_be(known.seed + number, _values(gaps.axes, together))
            ):
                chosen = together
        if not chosen:  # no seed can have it: the constraints are against it
            return
        left = [cell for cell in left if not set(cell) <= set(chosen.items())]
        values = _values(gaps.axes, chosen)
        yield {"scenario": gaps.scenario, "rig": known.rig, "seeds": [known.seed + number], "set": values}
        number += 1


def _values(axes: Sequence[Axis], chosen: Mapping[int, int]) -> dict[str, Value]:
    return {axes[axis].name: axes[axis].typical[part] for axis, part in sorted(chosen.items())}
