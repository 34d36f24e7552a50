"""The command line: one verb a file, each calling one library function."""

from av_synth.cli.app import main

__all__ = ["main"]
