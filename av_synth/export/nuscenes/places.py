"""The towns of a dataset: what each is called, and every file that is written for it under that name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from av_synth.export.nuscenes import official
from av_synth.export.nuscenes.map_expansion import map_files
from av_synth.export.nuscenes.map_lanes import Network
from av_synth.export.nuscenes.map_reading import read_network
from av_synth.export.nuscenes.names import token
from av_synth.export.nuscenes.route import Roads
from av_synth.export.nuscenes.sources import Source, TownKey
from av_synth.export.nuscenes.town_map import TownMap, draw_town_map
from av_synth.export.rows import Row
from av_synth.store import OPENDRIVE, link_or_copy, open_run, write_file


@dataclass(frozen=True)
class Town:
    """A town as its runs have it, read once for all datasets of an export."""

    name: str
    opendrive_sha256: str
    network: Network
    map: TownMap
    roads: Roads


@dataclass
class Place:
    """A town as one dataset has it, and what gathers while its runs are folded.

    Attributes:
        town: the town.
        locations: what it is called; the first is where logs say they were made.
        logs: tokens of its logs.
        reach_m: greatest x and y of any ego in it, in map coordinates.
    """

    town: Town
    locations: tuple[str, ...]
    logs: list[str] = field(default_factory=list)
    reach_m: tuple[float, float] = (0.0, 0.0)

    @property
    def location(self) -> str:
        """What its logs say."""
        return self.locations[0]

    def add_log(self, log_token: str, reach_m: tuple[float, float]) -> None:
        """Note a run that was made here."""
        self.logs.append(log_token)
        self.reach_m = (max(self.reach_m[0], reach_m[0]), max(self.reach_m[1], reach_m[1]))

    def write(self, root: Path) -> tuple[Row, Mapping[str, object]]:
        """Write the town's files under each of its names.

        Returns:
            Its row in `map`, and what av_synth.json says about it.
        """
        masks = []
        png = self.town.map.mask_png(self.reach_m)
        for location in self.locations:
            stem = official.LOCATIONS.get(location, hashlib.sha256(png).hexdigest()[:32])
            masks.append(f"maps/{stem}.png")
        key = (self.town.name, self.town.opendrive_sha256)
        expansion, basemap = map_files(key, self.town.network, self.town.map, self.reach_m)
        for paths, content in (
            (masks, png),
            ([f"maps/expansion/{location}.json" for location in self.locations], expansion),
            ([f"maps/basemap/{location}.png" for location in self.locations], basemap),
        ):
            _write_once(root, paths, content)
        row: Row = {
            "category": "semantic_prior",
            "token": token("map", *key),
            "filename": masks[0],
            "log_tokens": self.logs,
        }
        told = {
            "location": self.location,
            "also_as": list(self.locations[1:]),
            "town": self.town.name,
            "opendrive_sha256": self.town.opendrive_sha256,
            "offset_m": list(self.town.map.offset_m),
            "mask": masks[0],
        }
        return row, told


def read_towns(sources: Iterable[Source]) -> dict[TownKey, Town]:
    """The towns of some runs, each from the first run that has it."""
    paths: dict[TownKey, Path] = {}
    for source in sources:
        if source.town_key not in paths:
            paths[source.town_key] = open_run(source.folder, files=False).path(OPENDRIVE)
    towns = {}
    for (name, digest), path in sorted(paths.items()):
        network = read_network(name, path.read_text(encoding="utf-8"))
        town_map = draw_town_map(network)
        towns[name, digest] = Town(name, digest, network, town_map, Roads(network.world, town_map.offset_m))
    return towns


def _write_once(root: Path, paths: list[str], content: bytes) -> None:
    first = root / paths[0]
    if not first.exists():  # two towns may look the same
        write_file(first, content)
    for path in paths[1:]:
        link_or_copy(first, root / path)
