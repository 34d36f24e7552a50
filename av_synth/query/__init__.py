"""Samples of a dataset by what is true of them: 'category=human.pedestrian* visibility<=2 weather.night ttc_s<1.5'."""

from av_synth.query.conditions import Condition, as_number, parse
from av_synth.query.facts import FIELDS, SampleFacts, Thing, read, weather_values
from av_synth.query.find import Match, Seen, fields, find
from av_synth.query.slices import LOW_SUN_DEG, NIGHT_DEG, SLICES, UNKNOWN, Slice, sliced
from av_synth.query.tables import Row, Tables, joining, one_of_each_sample, read_json, version_of

__all__ = [
    "FIELDS",
    "LOW_SUN_DEG",
    "NIGHT_DEG",
    "SLICES",
    "UNKNOWN",
    "Condition",
    "Match",
    "Row",
    "SampleFacts",
    "Seen",
    "Slice",
    "Tables",
    "Thing",
    "as_number",
    "fields",
    "find",
    "joining",
    "one_of_each_sample",
    "parse",
    "read",
    "read_json",
    "sliced",
    "version_of",
    "weather_values",
]
