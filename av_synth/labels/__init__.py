"""Boxes, association, visibility, counts and attributes: pure functions of a FrameSet."""

from av_synth.labels.association import Mask, echoes_of, tie_instances
from av_synth.labels.boxes import BoxLabel, label_boxes

__all__ = ["BoxLabel", "Mask", "echoes_of", "label_boxes", "tie_instances"]
