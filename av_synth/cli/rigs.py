"""`av-synth rigs`: what can look."""

from __future__ import annotations

import typer

from av_synth import rig
from av_synth.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rigs")(rigs)


def rigs() -> None:
    """List the built-in rigs and their sensors."""
    for name in rig.names():
        found = rig.load(name)
        say(f"{name}: {' '.join(found.description.split())}")
        rate = 1e6 / found.tick_us
        for camera in found.cameras:
            say(f"  {camera.channel:<18} {camera.width_px}x{camera.height_px} at {rate / camera.every_ticks:g} Hz")
        for lidar in found.lidars:
            say(f"  {lidar.channel:<18} {lidar.beams} beams at {rate / lidar.every_ticks:g} Hz, {lidar.range_m:g} m")
        for radar in found.radars:
            say(f"  {radar.channel:<18} at {rate / radar.every_ticks:g} Hz, {radar.range_m:g} m")
