"""Simulator processes: start, readiness, watch, end."""

from av_synth.launch.embedded import Address, launch_embedded, parse_address
from av_synth.launch.give_back import Guard

__all__ = ["Address", "Guard", "launch_embedded", "parse_address"]
