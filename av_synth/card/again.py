"""The command that makes a run again, and whether it really does: the draw is drawn once more and compared."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from av_synth.errors import AvSynthError
from av_synth.run.generate import plan
from av_synth.scenario.distributions import written
from av_synth.store import canonical_json

STORE = "out/again"
"""Where the commands of a card put what they make."""

_EMBEDDED = re.compile(r"av_synth (?P<version>\S+) (?P<profile>\S+)(?: quality (?P<quality>\S+))?")
_USUAL_PROFILE = "native"


@dataclass(frozen=True)
class Again:
    """How a run is made again.

    Attributes:
        run_id: its id.
        command: `av-synth run ...`; '' where there is none.
        reason: why the command does not make just this run; '' if it does.
    """

    run_id: str
    command: str
    reason: str


def again(run: Mapping[str, Any]) -> Again:
    """How a run of av_synth.json is made again with what is installed here.

    A command counts as right if the draw and the rig that it asks for are equal to those in the run's identity.
    """
    run_id, identity = str(run.get("run_id")), run.get("identity") or {}
    wanted = identity.get("scenario")
    replay = (run.get("provenance") or {}).get("replay") or {}
    if not isinstance(wanted, Mapping):
        return Again(run_id, "", "its identity is not told")
    if replay:
        origin = replay.get("origin", {}).get("run_id", "another run")
        return Again(run_id, "", f"it plays back the log of {origin}: av-synth replay or vary, on that run")
    scenario, rig, seed = str(run.get("scenario")), str(run.get("rig")), int(run.get("seed") or 0)
    values = {name: written(value) for name, value in wanted.get("parameters", {}).items()}
    without, town = list(wanted.get("without", ())), str(wanted.get("town"))
    words = ["av-synth", "run", scenario, "--rig", rig, "--seed", str(seed), "--town", town]
    words += [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    words += [word for name in without for word in ("--without", name)]
    simulator, reason = _simulator(str(identity.get("simulator", "")))
    words += ["--simulator", simulator] if simulator else []
    command = shlex.join([*words, "--out", STORE])
    try:
        spec = plan(scenario, rig, seed, values, without=without, town=town)
    except AvSynthError:
        return Again(run_id, command, "its scenario or rig is no built-in one of this version: name the file you have")
    if canonical_json(spec.scenario.to_json()) != canonical_json(wanted):
        reason = reason or f"the scenario {scenario} of this version draws otherwise, or the weather was set by hand"
    elif spec.rig is None or canonical_json(spec.rig.to_json()) != canonical_json(identity.get("rig")):
        reason = reason or f"the rig {rig} of this version is another"
    return Again(run_id, command, reason)


def _simulator(told: str) -> tuple[str, str]:
    """The option for a simulator that identity tells of, and what is to be said where there is none."""
    found = _EMBEDDED.fullmatch(told)
    if found is None:
        return "", f"it was made on {told or 'a simulator that is not told'}: add --simulator with where yours is"
    profile = "" if found["profile"] == _USUAL_PROFILE else f":{found['profile']}"
    quality = f"@{found['quality']}" if found["quality"] else ""
    return f"embedded{profile}{quality}" if profile or quality else "", ""
