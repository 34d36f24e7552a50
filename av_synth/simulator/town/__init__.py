"""Towns: an OpenDRIVE text, one classed mesh, spawn points, traffic lights and what stands in the way.

Everything of a town is made from one road description (`roads.py`), so that the mesh agrees with what
`carla.Map` says of the OpenDRIVE text. Towns of other people's OpenDRIVE files are made by `xodr`.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from av_synth.errors import DocumentError, Problem, UserError
from av_synth.simulator.cache import cached
from av_synth.simulator.town import avsynth01, avsynth02, avsynth03, avsynth04, avsynth05, avsynth06
from av_synth.simulator.town.build import Plan, build_town, write_opendrive
from av_synth.simulator.town.model import KERB_HEIGHT_M, EnvironmentObject, Footprint, SpeedZone, Town, TrafficLight
from av_synth.simulator.town.xodr import NAME as OPENDRIVE_TOWN
from av_synth.simulator.town.xodr import build_opendrive_town, read_text

__all__ = [
    "KERB_HEIGHT_M",
    "OPENDRIVE_TOWN",
    "EnvironmentObject",
    "Footprint",
    "SpeedZone",
    "Town",
    "TrafficLight",
    "find",
    "from_opendrive",
    "load",
    "map_hash",
    "names",
]

_PLANS = {
    plan.name: plan
    for plan in (
        Plan(avsynth01.NAME, avsynth01.BOUNDS_M, avsynth01.network, avsynth01.settle),
        Plan(avsynth02.NAME, avsynth02.BOUNDS_M, avsynth02.network, avsynth02.settle),
        Plan(avsynth03.NAME, avsynth03.BOUNDS_M, avsynth03.network, avsynth03.settle),
        Plan(avsynth04.NAME, avsynth04.BOUNDS_M, avsynth04.network, avsynth04.settle, 0.0),
        Plan(avsynth05.NAME, avsynth05.BOUNDS_M, avsynth05.network, avsynth05.settle, 0.0, avsynth05.RELIEF),
        Plan(avsynth06.NAME, avsynth06.BOUNDS_M, avsynth06.network, avsynth06.settle, relief=avsynth06.RELIEF),
    )
}


def names() -> tuple[str, ...]:
    """Names of the towns that `load` knows."""
    return tuple(_PLANS)


def find(name: str) -> Town:
    """The town of this name, or of the OpenDRIVE file at this path.

    Raises:
        UserError: if there is no town of this name; a DocumentError if the file cannot be used.
    """
    if not name.lower().endswith(".xodr"):
        return load(name)
    text = read_text(Path(name))
    try:
        return from_opendrive(text)
    except DocumentError as error:
        raise DocumentError([Problem(name, problem.path, problem.message) for problem in error.problems]) from error


@cache
def load(name: str) -> Town:
    """Build a town, or return the one built before, which is kept.

    Raises:
        UserError: if there is no town of this name.
    """
    if name not in names():
        raise UserError(f"no town {name!r}; want one of {', '.join(names())}, or a path to a .xodr file")
    return cached(name, lambda: build_town(_PLANS[name]))


def map_hash(name: str) -> str:
    """Sha256 in hex of a town's OpenDRIVE text, for which nothing but its roads has to be laid out."""
    return _map_hashes()[name]


@cache
def _map_hashes() -> dict[str, str]:
    def build() -> dict[str, str]:
        return {name: hashlib.sha256(write_opendrive(plan).encode()).hexdigest() for name, plan in _PLANS.items()}

    return cached("map_hashes", build)


@lru_cache(maxsize=2)
def from_opendrive(text: str) -> Town:
    """Build the town of an OpenDRIVE text; it is called `OPENDRIVE_TOWN`, whatever its header says.

    Raises:
        DocumentError: if the text cannot be used.
    """
    return build_opendrive_town(text)
