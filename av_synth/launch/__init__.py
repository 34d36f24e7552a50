"""Simulator processes: start, readiness, watch, end."""

from av_synth.launch.caretaker import Caretaker
from av_synth.launch.embedded import Address, launch_embedded, parse_address

__all__ = ["Address", "Caretaker", "launch_embedded", "parse_address"]
