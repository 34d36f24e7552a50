"""A dataset card as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from av_synth import __version__
from av_synth.card.about import About, Cost
from av_synth.card.again import STORE, Again
from av_synth.card.facts import NOT_TOLD, Facts, Row
from av_synth.card.labels import LabelFigures
from av_synth.card.words import annotation, collection, counted, limits, people, summary

MARK = "<!-- written by av-synth card -->"
"""Ends a card, so that another one knows it may be replaced."""

_MOST_RUNS = 40
_PLURALS = {"scenario": "scenarios", "town": "towns"}


def page(facts: Facts, about: About, figures: LabelFigures | None, cost: Cost, commands: Sequence[Again]) -> str:
    """The text of a card; equal for equal data.

    Args:
        facts: the dataset.
        about: what its publisher says.
        figures: how far labels are off; None if nobody measured.
        cost: what its runs took.
        commands: how each run is made again.
    """
    parts: dict[str, Iterator[str]] = {
        "What is in it": _contents(facts),
        "How it was made": _made(facts),
        "Who is in it": iter([people(facts)]),
        "How far labels are off": _labels(facts, figures),
        "Limits": (f"* {line}" for line in limits(facts)),
        "Licences": _licences(facts, about),
        "What it cost": _cost(facts, cost),
        "Making it again": _again(facts, commands),
    }
    lines = [f"# {about.name}", "", summary(facts)]
    for title, content in parts.items():
        lines += ["", f"## {title}", "", *content]
    return "\n".join([*lines, "", MARK, ""])


def _table(head: Sequence[str], rows: Iterator[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '/').replace(chr(10), ' ') for cell in row)} |"


def _contents(facts: Facts) -> Iterator[str]:
    channels = ((s.channel, s.modality, s.sizes, f"{s.keyframes:,}", f"{s.records:,}") for s in facts.sensors)
    yield from _table(("channel", "kind", "pixels", "of samples", "of all"), channels)
    yield ""
    for of_what, slices in (("samples", facts.samples_by), ("boxes", facts.things_by)):
        rows = ((_PLURALS.get(name, name), _counts(found)) for name, found in slices.items() if found)
        yield from _table((of_what, "with"), rows)
        yield ""
    if facts.splits:
        yield f"Splits, in scenes: {_counts(facts.splits)}."


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{value} {count:,}" for value, count in found.items())


def _made(facts: Facts) -> Iterator[str]:
    yield collection(facts)
    if facts.runs:
        versions = sorted({_at(run, "provenance", "av_synth") for run in facts.runs})
        yield ""
        yield from _table(
            ("", ""),
            iter(
                [
                    ("av_synth", f"{', '.join(versions)}; dataset written by {facts.made_by.get('av_synth')}"),
                    ("renderer", _all(facts.runs, "renderer")),
                    ("Python", _all(facts.runs, "provenance", "python")),
                    ("processor", _all(facts.runs, "provenance", "processor")),
                    ("libraries", _all(facts.runs, "provenance", "libraries")),
                    ("rigs", _all(facts.runs, "rig")),
                    ("bodies", _all(facts.runs, "identity", "bodies_digest")),
                    ("towns", _all(facts.runs, "identity", "town_digest")),
                    ("profile", facts.made_by.get("profile", NOT_TOLD)),
                ]
            ),
        )
        yield ""
        head = ("scene", "run", "scenario", "seed", "rig", "town")
        names = ("scene", "run_id", "scenario", "seed", "rig", "town")
        yield from _table(head, ([run.get(name, "") for name in names] for run in facts.runs[:_MOST_RUNS]))
        yield from _rest(len(facts.runs), f"{facts.version}/av_synth.json")
    if facts.origins:
        yield ""
        origin = {"scene": "name", "of": "dataset", "there": "scene", "split": "split", "licence": "licence"}
        scenes = facts.origins[:_MOST_RUNS]
        yield from _table(tuple(origin), ([row.get(name, "") for name in origin.values()] for row in scenes))
        yield from _rest(len(facts.origins), f"{facts.version}/mix_scene.json")


def _rest(count: int, file: str) -> Iterator[str]:
    if count > _MOST_RUNS:
        yield f"\n... and {count - _MOST_RUNS:,} more: `{file}` has all."


def _at(run: Row, *keys: str) -> str:
    found: object = run
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        return ", ".join(f"{name} {value}" for name, value in sorted(found.items()))
    return NOT_TOLD if found in (None, "") else str(found)


def _all(runs: Sequence[Row], *keys: str) -> str:
    return "; ".join(sorted({_at(run, *keys) for run in runs}))


def _labels(facts: Facts, figures: LabelFigures | None) -> Iterator[str]:
    for line in annotation(facts):
        yield f"* {line}"
    if figures is None:
        yield "* Not measured for this card: `av-synth verify` does."
        return
    yield f"* {figures.verdict}"
    yield ""
    rows = ((q.name, q.about, q.unit, f"{q.count:,}", *map(_figure, (q.mean, q.p95, q.largest))) for q in figures.rows)
    yield from _table(("figure", "what", "unit", "of", "mean", "95 % below", "largest"), rows)
    yield ""
    yield "Not all of it is error: a round body does not reach the corners of its box, so boxes are off their masks."


def _figure(value: float) -> str:
    return f"{value:.3g}"


def _licences(facts: Facts, about: About) -> Iterator[str]:
    yield f"Of the dataset: {about.licence or NOT_TOLD}."
    origins = sorted({(str(row.get("dataset")), str(row.get("licence"))) for row in facts.origins})
    for dataset, licence in origins:
        yield f"\nOf the scenes from {dataset}: {licence}."
    yield ""
    if facts.attribution:
        yield "Looks of bodies are by others, who have to be named wherever pictures are shown:"
        yield ""
        yield from facts.attribution.splitlines()
    elif others := facts.other_simulators:
        yield f"Bodies and towns are those of {'; '.join(others)}: whose they are, and their licence, its makers say."
    elif facts.runs:
        yield "Looks of bodies are procedural: nobody has to be named for them."


def _cost(facts: Facts, cost: Cost) -> Iterator[str]:
    if not cost.samples:
        yield (
            "Not told: nobody kept account. `av-synth campaign` does, and `av-synth card --store STORE` reads it."
            if facts.runs
            else "Not told."
        )
        return
    of = "" if cost.runs == len(facts.runs) else f" (of {len(facts.runs)})"
    made = f"{counted(cost.runs, 'run')}{of} with {counted(cost.samples, 'sample')}"
    yield (
        f"{cost.core_s:,.0f} seconds of one core for {made}: "
        f"**{cost.core_s_per_sample:.3g} core-seconds for each labelled sample**, images, points and labels of all "
        "sensors, sweeps too; attempts that failed are not in it."
    )
    if cost.money is not None and cost.price is not None:
        each = cost.money / cost.samples
        yield ""
        yield f"At {cost.price:g} for an hour of one core: {cost.money:.3g}, or {each:.3g} for each labelled sample."


def _again(facts: Facts, commands: Sequence[Again]) -> Iterator[str]:
    if not commands:
        yield "Not told: av_synth did not make it."
        return
    exact = [one for one in commands if not one.reason]
    yield (
        f"With av_synth {__version__}. For {len(exact)} of {len(commands)} runs the command was checked: it draws the "
        "same scenario and has the same rig. Pixels are the same with the same renderer, libraries and processor."
    )
    yield ""
    yield "```sh"
    for one in commands[:_MOST_RUNS]:
        if one.command:
            yield one.command
    compat = " --profile compat" if facts.made_by.get("profile") == "compat" else ""
    yield f"av-synth export {STORE}{compat}"
    yield "```"
    if len(commands) > _MOST_RUNS:
        yield ""
        yield f"These are the first {_MOST_RUNS} runs; `{facts.version}/av_synth.json` has what all are drawn of."
    reasons: dict[str, list[str]] = {}
    for one in commands:
        if one.reason:
            reasons.setdefault(one.reason, []).append(one.run_id)
    for reason, runs in reasons.items():
        yield ""
        more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
        yield f"Not these runs: {', '.join(runs[:5])}{more}: {reason}."
