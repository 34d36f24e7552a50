"""Simulator processes: start, readiness, watch, end."""

from av_synth.launch.embedded import Address, launch_embedded, parse_address

__all__ = ["Address", "launch_embedded", "parse_address"]
