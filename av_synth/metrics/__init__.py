"""Safety metrics as pure formulas over boxes and states; triggers, expectations, labels and search use these."""

from av_synth.metrics.boxes import Footprint, contact, distance_m, overlap_interval_s
from av_synth.metrics.braking import (
    brake_threat_number,
    deceleration_to_avoid_crash_mps2,
    decelerations_to_avoid_crash_mps2,
    required_deceleration_mps2,
    required_decelerations_mps2,
    required_lateral_mps2,
)
from av_synth.metrics.exposure import time_exposed_s, time_integrated_s2
from av_synth.metrics.headway import headway_along_m, headway_m, headway_s, headways_m, headways_s
from av_synth.metrics.many import Footprints, distances_m, overlaps, times_to_collision_s
from av_synth.metrics.pet import Encroachment, encroachment_s, encroachments, post_encroachment_s
from av_synth.metrics.precedence import arrivals_s
from av_synth.metrics.sight import in_sight, points_to_see, unblocked
from av_synth.metrics.ttc import time_to_collision_s

METRICS = ("ttc_s", "distance_m", "drac_mps2", "required_deceleration_mps2", "headway_s")
"""Names of what is measured of the ego and another at a moment, in this order."""

__all__ = [
    "METRICS",
    "Encroachment",
    "Footprint",
    "Footprints",
    "arrivals_s",
    "brake_threat_number",
    "contact",
    "deceleration_to_avoid_crash_mps2",
    "decelerations_to_avoid_crash_mps2",
    "distance_m",
    "distances_m",
    "encroachment_s",
    "encroachments",
    "headway_along_m",
    "headway_m",
    "headway_s",
    "headways_m",
    "headways_s",
    "in_sight",
    "overlap_interval_s",
    "overlaps",
    "points_to_see",
    "post_encroachment_s",
    "required_deceleration_mps2",
    "required_decelerations_mps2",
    "required_lateral_mps2",
    "time_exposed_s",
    "time_integrated_s2",
    "time_to_collision_s",
    "times_to_collision_s",
    "unblocked",
]
