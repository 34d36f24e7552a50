"""The director: plays a concrete scenario on a stage, and measures what comes of it."""

from av_synth.director.director import Director
from av_synth.director.model import Event, ExpectationResult, Measurement, Outcome, Stage

__all__ = ["Director", "Event", "ExpectationResult", "Measurement", "Outcome", "Stage"]
