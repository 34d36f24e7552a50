"""Which town a session loads: by its name, of the user's own file, or the first that fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import carla

from av_synth.errors import CastError
from av_synth.launch import Address
from av_synth.scenario.words import is_opendrive
from av_synth.session.opendrive import generate_world, read_opendrive

_GENERATED = "OpenDriveMap"  # what a client had made of a file


@dataclass(frozen=True)
class TownChoice:
    """Any town that fits.

    Attributes:
        pick: in [0, 1), which of a simulator's maps is tried first.
        check: raises CastError, saying why, if a map does not fit.
    """

    pick: float
    check: Callable[[carla.Map], None]


def load_town(client: carla.Client, address: Address, town: str | TownChoice) -> carla.World:
    """Load a town into a new episode: by its name, by the path of an OpenDRIVE file, or by a choice.

    Raises:
        CastError: if the simulator has no such town, or none that fits, or can make none of the file.
        DocumentError: if there is no such file.
    """
    if isinstance(town, str) and is_opendrive(town):
        return generate_world(client, address, town, read_opendrive(Path(town)))
    available = client.get_available_maps()
    if not isinstance(town, str):
        loaded: dict[str, carla.World] = {}

        def load(name: str) -> carla.Map:
            loaded[name] = client.load_world(name)
            return loaded[name].get_map()

        return loaded[choose(town, available, load)]
    found = find_town(town, available)
    if found is None:
        towns = ", ".join(sorted(_shown(name) for name in available if not name.endswith(_GENERATED)))
        what = f"simulator at {address} has no town {town!r}; it has {towns}"
        raise CastError(f"{what}; want one of them, or the path of an OpenDRIVE file of {town}", ("road", "town"))
    return client.load_world(found)


def choose(choice: TownChoice, available: Sequence[str], load: Callable[[str], carla.Map]) -> str:
    """Load one map after the other, sorted, from the picked one on, until one fits; the name of that.

    Raises:
        CastError: if none does.
    """
    names = sorted(available)
    first = int(choice.pick * len(names))
    why = []
    for name in (*names[first:], *names[:first]):
        town = load(name)
        try:
            choice.check(town)
        except CastError as error:
            why.append(str(error))
        else:
            return name
    raise CastError("no town fits:\n  " + "\n  ".join(sorted(why)))


def _shown(name: str) -> str:
    """A map's name without its path, and without the digest after it."""
    return re.sub(r"_[0-9a-f]{8}$", "", name.rsplit("/", 1)[-1])


def find_town(town: str, available: Sequence[str]) -> str | None:
    """The map of this name, else of this name with a suffix: a stock CARLA lists Town01 beside Town01_Opt."""
    if not town:
        return None
    exact = [name for name in available if f"/{name}".endswith(f"/{town}")]
    alike = [name for name in available if name.rsplit("/", 1)[-1].split("_")[0] == town]
    return next(iter(exact + alike), None)
