"""Files of a map that clients keep: its navigation mesh. Its OpenDRIVE text comes with `get_map_data`."""

from __future__ import annotations

from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.calls import CallError, CallTable, Kind
from av_synth.simulator.protocol.codec import text

TABLE: CallTable[Engine] = CallTable()
_NAVIGATION = ("", "Nav")  # a folder is looked through with those in it


@TABLE.unlocked(Kind.VALUE)  # which locks for itself
def get_required_files(engine: Engine, folder: Any = "") -> list[str]:
    """Files in a folder of the map that a client should have; none where there is no navigation mesh."""
    if text(folder).rstrip("/\\") not in _NAVIGATION:
        return []
    name, mesh = engine.navigation()
    return [name] if mesh else []


@TABLE.unlocked(Kind.VALUE)
def request_file(engine: Engine, name: Any) -> bytes:
    """Contents of a required file."""
    wanted, (known, mesh) = text(name), engine.navigation()
    if wanted != known or not mesh:
        raise CallError(f"request_file: no file '{wanted[:80]}'; want one of get_required_files")
    return mesh


@TABLE.unlocked(Kind.VALUE)
def get_navigation_mesh(engine: Engine) -> bytes:
    """The navigation mesh, empty where there is none."""
    return engine.navigation()[1]
