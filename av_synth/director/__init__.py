"""The director: plays a concrete scenario on a stage, and measures what comes of it."""

from av_synth.director.director import Director
from av_synth.director.model import Event, ExpectationResult, Outcome, Stage
from av_synth.director.roads.places import find_places
from av_synth.director.stage.staging import room_before_m

__all__ = [
    "Director",
    "Event",
    "ExpectationResult",
    "Outcome",
    "Stage",
    "find_places",
    "room_before_m",
]
