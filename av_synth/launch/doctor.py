"""What a machine has of what runs need: versions, a GL renderer, ports, disk, a reachable CARLA."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import carla

from av_synth import __version__
from av_synth.errors import AvSynthError
from av_synth.launch.embedded import Address, launch_embedded

_LIBRARIES = ("carla", "numpy", "opencv-python-headless", "moderngl", "embreex", "pyarrow")
_FREE_GB = 5.0
# Run apart: a broken GL driver may take its process with it.
_RENDERER_PROGRAM = (
    "from av_synth.simulator.render.context import create_context; print(create_context().info['GL_RENDERER'])"
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what, whether it is all right, and what was seen (with what to do where it is not)."""

    what: str
    good: bool
    seen: str


def examine(folder: Path, carla_address: Address) -> tuple[Finding, ...]:
    """Look at everything.

    Args:
        folder: where runs are to be written.
        carla_address: where a real CARLA may be; none there is no fault.
    """
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    return (
        Finding("av_synth", True, f"{__version__} on Python {platform.python_version()}, {platform.platform()}"),
        Finding("libraries", True, versions),
        _renderer(),
        _simulator(),
        _disk(folder),
        _carla(carla_address),
    )


def _renderer() -> Finding:
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", _RENDERER_PROGRAM], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode == 0:
        return Finding("GL renderer", True, done.stdout.strip())
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return Finding("GL renderer", False, f"{last}; try `python -m av_synth.simulator.render.software_gl`")


def _simulator() -> Finding:
    try:
        with launch_embedded("AvSynth01") as address:
            client = carla.Client(address.host, address.port)
            client.set_timeout(20.0)
            return Finding("embedded simulator", True, f"{client.get_server_version()} answered on {address}")
    except (AvSynthError, RuntimeError) as error:
        return Finding("embedded simulator", False, str(error).strip())


def _disk(folder: Path) -> Finding:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    good = free_gb > _FREE_GB
    return Finding("disk", good, f"{free_gb:.0f} GB free at {there}" + ("" if good else f"; want {_FREE_GB:.0f}"))


def _carla(address: Address) -> Finding:
    client = carla.Client(address.host, address.port)
    client.set_timeout(2.0)
    try:
        return Finding("CARLA", True, f"{client.get_server_version()} at {address}")
    except RuntimeError:
        return Finding("CARLA", True, f"none at {address} (not needed: the embedded simulator is used)")
