"""Links from labels of the report to the moment they are of, where the page of a run lies beside the report."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from av_synth.verify.reading.model import Annotation, Dataset
from av_synth.verify.reading.values import has_file, json_of


class PageLinks:
    """Knows which annotations there is a page for: a file `viewer-<run id>.html` in the report's folder.

    The dataset says which scene was made from which run (av_synth.json), and its own tokens are all that a link holds.
    """

    def __init__(self, dataset: Dataset | None, folder: Path) -> None:
        self._of: dict[str, tuple[str, Annotation | None]] = {}
        self._pages: dict[str, str] = {}
        if dataset is None:
            return
        for name, run_id in _runs(dataset.root / dataset.version / "av_synth.json").items():
            if has_file(folder / f"viewer-{run_id}.html"):
                self._pages[name] = f"viewer-{quote(run_id)}.html"
        for scene in dataset.scenes:
            if scene.name in self._pages:
                for annotations in scene.annotations.values():
                    self._of |= {annotation.token: (scene.name, annotation) for annotation in annotations}

    def to(self, annotation: str, scene: str = "") -> str:
        """A link to an annotation's actor at its sample, or to a scene's page; '' where there is no such page."""
        name, found = self._of.get(annotation, (scene, None))
        if name not in self._pages:
            return ""
        where = {"sample": found.sample_token, "follow": found.instance_token} if found is not None else {}
        target = self._pages[name] + (f"#{urlencode(where)}" if where else "")
        return f' <a href="{escape(target)}">see it in 3D</a>'


def _runs(path: Path) -> Mapping[str, str]:
    """Run id by scene name; none where the dataset does not say it in the form that is looked for."""
    content = json_of(path)
    rows = content.get("runs") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        return {}
    found = [(row.get("scene"), row.get("run_id")) for row in rows if isinstance(row, dict)]
    return {name: run_id for name, run_id in found if isinstance(name, str) and isinstance(run_id, str)}
