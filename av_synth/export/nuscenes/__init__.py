"""Committed runs as one nuScenes dataset: the same runs give the same bytes, in whatever order they are named."""

from av_synth.export.nuscenes.dataset import write
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.profiles import PROFILES
from av_synth.export.nuscenes.sources import VERSIONS, parts, refuse_place

__all__ = ["PROFILES", "VERSIONS", "RunNames", "parts", "refuse_place", "write"]
