"""prediction_scenes.json: every pair of instance and sample exists, in its scene, and has six seconds to come."""

from __future__ import annotations

from av_synth.verify.findings import Findings
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.values import is_strings, read_json, short

_FUTURE_SAMPLES = 12  # 6 s at 2 Hz, which the prediction metrics want


def check_prediction(dataset: Dataset, findings: Findings) -> None:
    """Check the file, when there is one."""
    path = dataset.root / "maps" / "prediction" / "prediction_scenes.json"
    if not path.exists():
        return
    findings.checked("prediction")
    content = read_json(path, "prediction", findings)
    if not isinstance(content, dict) or not all(is_strings(tokens) for tokens in content.values()):
        findings.add("prediction", path.name, f"is {short(content)}; want an object of scene name to a list of strings")
        return
    scenes = {scene.name: scene for scene in dataset.scenes}
    for name, tokens in content.items():
        if name not in scenes:
            findings.add("prediction", path.name, f"has {short(name)}, which is not a scene of this dataset")
            continue
        findings.enter(name)
        _check_scene(path.name, scenes[name], tokens, findings)
        findings.enter("")


def _check_scene(where: str, scene: Scene, tokens: list[str], findings: Findings) -> None:
    annotated = {
        (annotation.instance_token, annotation.sample_token)
        for track in scene.tracks.values()
        for _, annotation in track
    }
    places = {sample.token: k for k, sample in enumerate(scene.samples)}
    seen: set[str] = set()
    for token in tokens:
        findings.checked("prediction")
        instance, _, sample = token.rpartition("_")
        if (instance, sample) not in annotated:
            message = f"{scene.name} has {short(token)}; want <instance token>_<sample token> of an annotation there"
            findings.add("prediction", where, message)
            continue
        if token in seen:
            findings.add("prediction", where, f"{scene.name} has {short(token)} twice")
        seen.add(token)
        future = [s.token for s in scene.samples[places[sample] + 1 : places[sample] + 1 + _FUTURE_SAMPLES]]
        n = sum((instance, later) in annotated for later in future)
        if n < _FUTURE_SAMPLES:
            message = (
                f"{scene.name} has {short(token)} with {n} annotated samples to come; want {_FUTURE_SAMPLES} (6 s)"
            )
            findings.add("prediction", where, message)
