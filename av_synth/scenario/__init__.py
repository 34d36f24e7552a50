"""Scenarios: YAML document -> logical scenario -> draw -> concrete scenario."""

from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.draw import draw, need_map
from av_synth.scenario.scenario import Scenario, load, names

__all__ = ["ConcreteScenario", "Scenario", "draw", "load", "names", "need_map"]
