"""Safety metrics as pure formulas over boxes and states; triggers, expectations, labels and search use these."""

from av_synth.metrics.boxes import Footprint, contact, distance_m, overlap_interval_s
from av_synth.metrics.pet import post_encroachment_s
from av_synth.metrics.sight import in_sight
from av_synth.metrics.ttc import time_to_collision_s

__all__ = [
    "Footprint",
    "contact",
    "distance_m",
    "in_sight",
    "overlap_interval_s",
    "post_encroachment_s",
    "time_to_collision_s",
]
