"""Lidar and radar by ray casting."""

from av_synth.simulator.raycast.trace import Hits, RayScene

__all__ = ["Hits", "RayScene"]
