"""The export to nuScenes, as the tests call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from av_synth.export import formats


def export(runs: Sequence[Path], dataset: Path, check: Callable[[Path], None] | None = None, **options: str) -> Path:
    """Write committed runs as a dataset; `options` are those of the format `nuscenes`."""
    return formats.export("nuscenes", runs, dataset, options, check=check)
