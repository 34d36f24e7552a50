"""What a machine has of what runs need: versions, a GL renderer, ports, disk, a reachable CARLA."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import carla

from av_synth import __version__
from av_synth.errors import AvSynthError, MachineError
from av_synth.launch.carla import launch_carla
from av_synth.launch.carla_spec import CarlaSpec
from av_synth.launch.child_process import python
from av_synth.launch.embedded import Address, launch_embedded
from av_synth.launch.exits import how_it_ended
from av_synth.launch.versions import need_client_version

_LIBRARIES = ("carla", "numpy", "opencv-python-headless", "moderngl", "embreex", "pyarrow")
_FREE_GB = 5.0
_NOT_NEEDED = "(not needed: the embedded simulator is used)"
_RENDERER_TIMEOUT_S = 120.0
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


def examine(folder: Path, real: Address | CarlaSpec) -> Iterator[Finding]:
    """Look at everything, one thing after the other: some take seconds.

    Args:
        folder: where runs are to be written.
        real: where a real CARLA may be, and none there is no fault; or which one is to be started, and then it must.
    """
    yield Finding("av_synth", True, f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield _libraries()
    yield _renderer()
    yield _simulator()
    yield _disk(folder)
    yield _started(real) if isinstance(real, CarlaSpec) else _carla(real)


def _libraries() -> Finding:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "NOT INSTALLED"
    return Finding("libraries", "NOT INSTALLED" not in found.values(), ", ".join(map(" ".join, found.items())))


def _renderer() -> Finding:
    command = python(_RENDERER_PROGRAM)
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter
            command, capture_output=True, text=True, check=False, timeout=_RENDERER_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return Finding("GL renderer", False, f"none after {_RENDERER_TIMEOUT_S:.0f} s")
    if done.returncode == 0:
        return Finding("GL renderer", True, done.stdout.strip())
    last = (done.stderr.strip().splitlines() or [how_it_ended(done.returncode)])[-1]
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
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("disk", False, f"{there} is no folder that can be written to; want one for {folder}")
    free_gb = shutil.disk_usage(there).free / 1e9
    good = free_gb > _FREE_GB
    return Finding("disk", good, f"{free_gb:.0f} GB free at {there}" + ("" if good else f"; want {_FREE_GB:.0f}"))


def _carla(address: Address) -> Finding:
    try:
        client = carla.Client(address.host, address.port)
        client.set_timeout(2.0)
        version = client.get_server_version()
        need_client_version(version, f"the server at {address}")
        return Finding("CARLA", True, f"{version} at {address}")
    except MachineError as error:
        return Finding("CARLA", True, f"{error} {_NOT_NEEDED}")
    except RuntimeError:
        return Finding("CARLA", True, f"none at {address} {_NOT_NEEDED}")


def _started(spec: CarlaSpec) -> Finding:
    handle, name = tempfile.mkstemp(".log", "av_synth-carla-")
    os.close(handle)
    try:
        with launch_carla(spec, Path(name)) as address:
            found = Finding("CARLA", True, f"{spec.carla} made a tick as {address.launched} at {address}")
    except AvSynthError as error:
        return Finding("CARLA", False, str(error))  # which names the log
    Path(name).unlink()
    return found
