"""Whose the meshes are that a dataset shows: what their licences ask for goes with the data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from av_synth.store import write_file
from av_synth.store.runs import Run

FILE = "ATTRIBUTION"


def write_attribution(folder: Path, runs: Iterable[Run]) -> None:
    """Say in a file of a folder whose the looks of bodies in some runs are; no file where all bodies are procedural.

    Raises:
        StoreError: if it cannot be written.
    """
    told = {str(said) for run in runs if (said := _provenance(run).get("attribution"))}
    if told:
        write_file(folder / FILE, "\n".join(sorted(told)).encode())


def _provenance(run: Run) -> dict[str, object]:
    found = run.manifest.get("provenance")
    return found if isinstance(found, dict) else {}
