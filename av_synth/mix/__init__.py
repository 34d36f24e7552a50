"""Datasets in nuScenes format joined into one, at chosen shares and without leaks between its splits."""

from av_synth.mix.choice import BY
from av_synth.mix.mixing import DEFAULT_SPLIT, Mixed, mix

__all__ = ["BY", "DEFAULT_SPLIT", "Mixed", "mix"]
