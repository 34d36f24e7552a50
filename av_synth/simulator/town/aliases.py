"""Other names for towns, so that scripts that ask for CARLA's by name find one."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from av_synth.errors import DocumentError, Problem
from av_synth.simulator.town.xodr import NAME as OPENDRIVE_TOWN
from av_synth.simulator.town.xodr import read_text

CARLA = "carla"
"""The word for `CARLA_TOWNS`."""
_LIKE = {
    "Town01": "AvSynth01",  # small towns
    "Town02": "AvSynth03",
    "Town03": "AvSynth06",  # a roundabout, a tunnel, hills
    "Town04": "AvSynth06",  # a small town in a ring of motorway
    "Town05": "AvSynth06",  # streets in a ring of motorway with several lanes
    "Town06": "AvSynth04",  # motorway with entries and exits
    "Town07": "AvSynth05",  # the country
    "Town10HD": "AvSynth02",  # downtown
}
CARLA_TOWNS: Mapping[str, str] = {f"{name}{form}": town for name, town in _LIKE.items() for form in ("", "_Opt")}
"""For each town of a stock CARLA 0.9.16, the one here that is most like it; no road lies where it does in CARLA."""
_NAME = re.compile(r"[A-Za-z]\w*")


def parse_aliases(words: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Read aliases: each `NAME=TOWN`, or `carla` for all of `CARLA_TOWNS`, of which the former replace some.

    Args:
        words: what was given.
        known: names of the towns there are; a TOWN is one of them or the path of an OpenDRIVE file.

    Returns:
        TOWN by NAME.

    Raises:
        DocumentError: if some cannot be used, with all that is wrong.
    """
    bundle = CARLA_TOWNS if CARLA in words else {}
    own = [word.partition("=") for word in words if word != CARLA]
    names = {*bundle, *(name for name, _, _ in own)}
    given: dict[str, str] = {}
    problems: list[Problem] = []
    for name, equals, town in own:
        if not equals or not _NAME.fullmatch(name):
            wrong = f"want NAME=TOWN, NAME of letters, digits and _; or {CARLA!r} for CARLA's towns"
        elif name in (*known, OPENDRIVE_TOWN):
            wrong = f"{name} is a town here; want another name"
        elif given.setdefault(name, town) != town:
            wrong = f"{name} is {given[name]} already; want one town for it"
        else:
            wrong = _wrong_town(town, known, names)
        if wrong:
            problems.append(Problem("", "--alias", f"got {name + equals + town!r}: {wrong}"))
    if problems:
        raise DocumentError(problems)
    return {**bundle, **given}


def _wrong_town(town: str, known: Sequence[str], aliases: Container[str]) -> str:
    """Why an alias cannot stand for this, or nothing."""
    if town in known:
        return ""
    if town.lower().endswith(".xodr"):
        try:
            read_text(Path(town))
        except DocumentError as error:
            return str(error)
        return ""
    if town in aliases:
        return f"{town} is an alias itself; want the town that it stands for"
    return f"no town {town!r}; want one of {', '.join(known)}, or a path to a .xodr file"
