"""Cameras: town and bodies, drawn with OpenGL into colour, depth, label and flow images of one geometry pass."""

from av_synth.simulator.render.renderer import Frames, Renderer

__all__ = ["Frames", "Renderer"]
