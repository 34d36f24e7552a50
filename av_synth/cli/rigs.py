"""`av-synth rigs`: what can look."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from av_synth import rig
from av_synth.cli.output import say, say_item
from av_synth.rig import Rig


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rigs")(rigs)


def rigs(
    name: str | None = typer.Argument(None, help="One rig, by its name or the path of a YAML file; all if left out."),
) -> None:
    """List the built-in rigs and their sensors, or look at one rig and check its file.

    Example: av-synth rigs nuscenes
    """
    for each in rig.names() if name is None else (name,):
        found = rig.load(each)
        say(f"{found.name}: {' '.join(found.description.split())}")
        for channel, text in _sensors(found):
            say_item(channel, text, 18)


def _sensors(found: Rig) -> Iterator[tuple[str, str]]:
    rate = 1e6 / found.tick_us
    for camera in found.cameras:
        yield camera.channel, f"{camera.width_px}x{camera.height_px} at {rate / camera.every_ticks:g} Hz"
    for lidar in found.lidars:
        yield lidar.channel, f"{lidar.beams} beams at {rate / lidar.every_ticks:g} Hz, {lidar.range_m:g} m"
    for radar in found.radars:
        yield radar.channel, f"{radar.points} points at {rate / radar.every_ticks:g} Hz, {radar.range_m:g} m"
    for name, device in (("imu", found.imu), ("gnss", found.gnss)):
        if device is not None:
            yield name, f"{device.rate_hz} Hz"
