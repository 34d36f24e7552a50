"""Data that improve a detector: made where it falls short on what there is, and graded on what is held out."""

from av_synth.improve.detector import Detector, Trainable, load
from av_synth.improve.images import LabelledImage
from av_synth.improve.loop import Improvement, Request, improve, on_farm
from av_synth.improve.record import Round

__all__ = ["Detector", "Improvement", "LabelledImage", "Request", "Round", "Trainable", "improve", "load", "on_farm"]
