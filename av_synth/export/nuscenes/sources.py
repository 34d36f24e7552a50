"""Which runs go into a dataset, and whether it may be written where it shall be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import UserError
from av_synth.export import contents
from av_synth.export.nuscenes.values import text_of
from av_synth.log.origin import Origin, origin_of
from av_synth.store import OPENDRIVE, open_run

VERSIONS = ("v1.0-trainval", "v1.0-mini", "v1.0-test")
"""Names of the folder of tables; readers know no others."""

_FOLDERS = (
    *("samples", "sweeps", "maps", "can_bus", "can_bus_truth", "lidarseg", "panoptic"),
    *("instance_masks", "lidar_instances", "lidar_times", "radar_truth", "semantic", "depth", "flow"),
)
"""What a dataset has beside its tables."""

TownKey = tuple[str, str]
"""Name of a town, and SHA-256 of its OpenDRIVE text: two towns may have one name."""

_PART = re.compile(r"part-[0-9]{2,}")


@dataclass(frozen=True)
class Source:
    """A run to be folded in: enough to order the runs, and to know their towns, which draws they are, and of whom."""

    folder: Path
    run_id: str
    scenario: str
    seed: object
    town_key: TownKey
    origin: Origin


def read_source(directory: Path) -> Source:
    """What a run is, by its manifest.

    Raises:
        StoreError: if it cannot be read.
    """
    run = open_run(directory, files=False)  # it is opened again, and looked through, when it is folded
    return Source(
        directory,
        run.run_id,
        text_of(run.manifest, "scenario", f"run {run.run_id}: manifest"),
        run.manifest.get("seed"),
        (text_of(run.json("scenario.json"), "town", f"run {run.run_id}: scenario.json"), run.files[OPENDRIVE].sha256),
        origin_of(run.run_id, run.manifest),
    )


def refuse_place(dataset: Path) -> None:
    """Replacing a dataset removes what is there: raise UserError unless it is what an export wrote."""
    if not dataset.exists():
        return
    if not dataset.is_dir():
        raise UserError(f"{dataset}: a file is in the way; name another place")
    entries = {entry.name for entry in dataset.iterdir()}
    if entries and all(_PART.fullmatch(name) for name in entries):
        for part in parts(dataset):
            refuse_place(part)
        return
    # beside the parts of a dataset, what is no part is what is in the way
    foreign = sorted(
        entries - {*VERSIONS, *_FOLDERS, *contents.CARD}, key=lambda name: (bool(_PART.fullmatch(name)), name)
    )
    if foreign:
        raise UserError(
            f"{dataset}: holds '{foreign[0]}', which is no part of a dataset; move it or name another place"
        )
    ours = [dataset / version for version in VERSIONS if (dataset / version / contents.MARKER).is_file()]
    if entries and not ours:
        raise UserError(f"{dataset}: holds a dataset that av_synth did not write; name another place")
    if ours:
        contents.refuse_foreign(dataset, ours[0] / contents.LIST)


def part_name(index: int) -> str:
    """Folder of one of several datasets that an export made."""
    return f"part-{index:02d}"


def parts(dataset: Path) -> list[Path]:
    """The datasets that an export made: `dataset` itself, or the folders in it."""
    found = sorted(path for path in dataset.iterdir() if _PART.fullmatch(path.name))
    return found or [dataset]
