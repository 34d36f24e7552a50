"""What a card says in sentences: what the data are of, who is in them, how labels came about, where they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from av_synth.card.facts import Facts
from av_synth.labels.boxes import BOX_MARGIN_M
from av_synth.query import UNKNOWN


def responsible(facts: Facts, label_lines: Sequence[str]) -> dict[str, list[str]]:
    """Sentences by what they are about, under the names that Croissant's vocabulary for responsible AI has.

    Args:
        facts: the dataset.
        label_lines: how far labels are off, in sentences.
    """
    return {
        "description": [summary(facts)],
        "dataCollection": [collection(facts)],
        "dataCollectionType": ["Software Collection"] if not facts.foreign_scenes else ["Others"],
        "dataAnnotationProtocol": [*annotation(facts), *label_lines],
        "dataLimitations": list(limits(facts)),
        "dataUseCases": [
            "Training and testing of perception on rare driving events, beside real data; no proof that a system is "
            "safe, and no measure of how it does on real roads."
        ],
        "personalSensitiveInformation": [people(facts)],
    }


def summary(facts: Facts) -> str:
    """One sentence on what it is."""
    ours, others = len(facts.runs), facts.foreign_scenes
    what = "Synthetic driving scenes" if not others else "Driving scenes, synthetic and others" if ours else "Scenes"
    parts = {"sample": "labelled sample", "sample_annotation": "3D box", "instance": "instance", "scene": "scene"}
    told = {name: counted(facts.rows.get(name, 0), word) for name, word in parts.items()}
    whole = f"{told['scene']} ({facts.duration_s:,.0f} s), {told['sample']}"
    return f"{what} in nuScenes format: {whole}, {told['sample_annotation']} of {told['instance']}."


def counted(count: int, word: str) -> str:
    """A number of things: '1 box', '2 boxes'."""
    return f"{count:,} {word}{'' if count == 1 else 'es' if word.endswith('x') else 's'}"


def collection(facts: Facts) -> str:
    """How the data came about."""
    if not facts.runs:
        return "How the data came about is not told: av_synth did not make them."
    others = (
        f" {counted(facts.foreign_scenes, 'scene')} of other datasets came about otherwise."
        if facts.foreign_scenes
        else ""
    )
    return (
        f"Scenarios, descriptions with distributions, were drawn by seeds and played on a simulator of traffic and "
        f"sensors ({'; '.join(facts.simulators)}); sensors and labels were recorded on the same frames.{others}"
    )


def people(facts: Facts) -> str:
    """Whether real people are in it."""
    told = (
        "People are meshes that a simulator moves: no camera looked at a real person, and no picture, voice or track "
        "of one is in the data."
    )
    if not facts.runs:
        return "Not told: av_synth did not make these data, so nobody here knows whether real people are in them."
    if facts.foreign_scenes:
        ours, others = counted(len(facts.runs), "scene"), counted(facts.foreign_scenes, "scene")
        return f"In the {ours} of av_synth no real person is. {told} Of the other {others} nobody here knows."
    return f"No real person is in it. {told}"


def annotation(facts: Facts) -> Iterator[str]:
    """How labels came about."""
    if not facts.runs:
        return
    yield (
        "Labels are measured in the simulator, not annotated by people: boxes are those of the bodies that it moves, "
        f"{BOX_MARGIN_M * 100:g} cm larger on each side."
    )
    methods = sorted({method for run in facts.runs for method in run.get("visibility_methods", ())})
    meaning = {
        "amodal_render": "counted: seen pixels over those of the thing drawn alone (amodal_render)",
        "estimated": "estimated from depth, because the simulator could not draw things alone (estimated)",
    }
    if methods:
        yield f"Visibility is {' and in some runs '.join(meaning.get(method, method) for method in methods)}."


def limits(facts: Facts) -> Iterator[str]:
    """Where the data end."""
    if facts.runs:
        yield (
            "How the data look is not claimed to be real: pictures are drawn, not photographed. A model trained on "
            "them alone is not known to work on roads."
        )
    renderers = sorted({str(run.get("renderer")) for run in facts.runs if run.get("renderer")})
    if len(renderers) > 1:
        yield f"Pictures are of several renderers ({'; '.join(renderers)}), which differ in single pixels."
    late = [run for run in facts.runs if (run.get("outcome") or {}).get("held") is False]
    if late:
        yield f"{len(late)} of {len(facts.runs)} runs did not become what their scenario expects (`held` is false)."
    begun = [run for run in facts.runs if (run.get("outcome") or {}).get("never_began")]
    if begun:
        yield f"In {len(begun)} of {len(facts.runs)} runs an event never began (`never_began`)."
    if facts.faults:
        told = ", ".join(f"{name} in {count}" for name, count in facts.faults.items())
        yield f"Sensors fail on purpose in some samples: {told}."
    played = {limit for run in facts.runs for limit in _replay(run).get("limits", ())}
    yield from (f"Of runs that were played back: {limit}." for limit in sorted(played))
    for name in ("weather", "light", "town"):
        values = facts.samples_by[name]
        if len(values) == 1 and UNKNOWN not in values:
            yield f"All samples have one {name}: {next(iter(values))}."
    if facts.foreign_scenes:
        yield f"Of {counted(facts.foreign_scenes, 'scene')} that av_synth did not make holds what their makers say."


def _replay(run: Mapping[str, object]) -> Mapping[str, Sequence[str]]:
    provenance = run.get("provenance")
    found = provenance.get("replay") if isinstance(provenance, dict) else None
    return found if isinstance(found, dict) else {}
