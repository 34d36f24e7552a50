"""Cameras: town and bodies, drawn with OpenGL into colour, depth, label and flow images of one geometry pass."""

from av_synth.simulator.render.renderer import DEPTH, FLOW, LABELS, RGB, Frames, Renderer, Visibility

__all__ = ["DEPTH", "FLOW", "LABELS", "RGB", "Frames", "Renderer", "Visibility"]
