"""Lidar and radar by ray casting."""

from av_synth.simulator.raycast.trace import Contact, Hits, RayScene

__all__ = ["Contact", "Hits", "RayScene"]
