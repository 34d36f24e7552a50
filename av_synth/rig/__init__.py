"""The rig model: which sensors look from where, and its loader."""

from av_synth.rig.loader import load, names
from av_synth.rig.model import Camera, Lidar, Mount, Radar, Rig

__all__ = ["Camera", "Lidar", "Mount", "Radar", "Rig", "load", "names"]
