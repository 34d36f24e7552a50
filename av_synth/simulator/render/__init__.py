"""Cameras: the town and all bodies, drawn with OpenGL into colour, depth and label images of one geometry pass."""

from av_synth.simulator.render.renderer import DEPTH, LABELS, RGB, Frames, Renderer, Visibility

__all__ = ["DEPTH", "LABELS", "RGB", "Frames", "Renderer", "Visibility"]
