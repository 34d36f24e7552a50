"""What a run is the hash of, the same wherever it is asked, and what else it was made with."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from av_synth import __version__
from av_synth.errors import DataError
from av_synth.launch.embedded import DEFAULT_QUALITY, simulator_name
from av_synth.run.spec import RunSpec
from av_synth.session import Session
from av_synth.session.boxes import TABLE
from av_synth.store import SCHEMA_EPOCH, canonical_json


@dataclass(frozen=True)
class Planned:
    """What a run turned out to be when it was planned.

    Attributes:
        run_id: its id.
        facts: of the simulator that it was planned on; see `simulator_facts`.
    """

    run_id: str
    facts: Mapping[str, str]

    def check(self, run_id: str, identity: Mapping[str, Any]) -> None:
        """Refuse to play another run than was planned.

        Raises:
            DataError: saying what differs.
        """
        if run_id == self.run_id:
            return
        names = sorted({*self.facts, *identity} - {"scenario", "rig", "schema_epoch"})
        told = [
            f"{name} is {identity.get(name)!r}, planned with {self.facts.get(name)!r}"
            for name in names
            if identity.get(name) != self.facts.get(name)
        ]
        why = "; ".join(told) or "the simulator is alike, so this version of av_synth draws or reads it otherwise"
        raise DataError(
            f"run {self.run_id} would be {run_id} here: {why}; want what it was planned with, or another store"
        )


def run_identity(spec: RunSpec, facts: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    """The run id (20 hex digits of SHA-256) and what it is the hash of: scenario, rig, schema epoch, and these facts.

    Args:
        spec: the run in its town (see `towns.in_town`).
        facts: of the simulator with that town; see `simulator_facts`.
    """
    identity = {
        "schema_epoch": SCHEMA_EPOCH,
        "scenario": spec.scenario.to_json(),
        "rig": None if spec.rig is None else spec.rig.to_json(),
        **({} if spec.script is None else spec.script.to_json()),
        **facts,
    }
    return sha256(canonical_json(identity)).hexdigest()[:20], identity


def simulator_facts(session: Session) -> dict[str, str]:
    """What the simulator, with the town that is loaded, gives to the identity of a run.

    On a server without `avsynth.simulator.facts` the simulator is what was launched, else the version that the server
    tells, and the digests are of what can be read: the OpenDRIVE text, the blueprints, and the table that corrects its
    boxes.
    """
    said = session.facts()
    told = session.address.launched
    if said:
        told = simulator_name(said["version"], said["profile"], said.get("quality", DEFAULT_QUALITY))

    def digest(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    facts = {
        "simulator": told or session.client.get_server_version(),
        "town_digest": said.get("town_digest") or digest(session.map.to_opendrive()),
        "bodies_digest": said.get("bodies_digest") or digest(" ".join(sorted(found.id for found in session.library))),
    }
    if not said:
        facts["boxes_digest"] = sha256(TABLE.read_bytes()).hexdigest()
    return facts


def provenance(session: Session) -> dict[str, Any]:
    """What else may decide single bits of images and points: renderer, libraries, processor. No clock.

    And whose the looks of bodies are, where the simulator says so.
    """
    said = session.facts()
    attribution = said.get("attribution")
    return {
        "av_synth": __version__,
        **({"attribution": attribution} if attribution else {}),
        "renderer": said.get("gl_renderer", "unknown: the server does not say"),
        "python": platform.python_version(),
        "processor": _processor(),
        "libraries": dict(_libraries()),
    }


@lru_cache(maxsize=1)
def _libraries() -> tuple[tuple[str, str], ...]:
    names = ("carla", "numpy", "opencv-python-headless", "simplejpeg", "pyarrow", "moderngl", "embreex")
    return tuple((name, metadata.version(name)) for name in names)


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
