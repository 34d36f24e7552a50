"""Vehicles, people and props: procedural meshes with tight boxes, by CARLA's blueprint ids."""

from av_synth.simulator.bodies.catalogue import catalogue, procedural
from av_synth.simulator.bodies.model import Body, Catalogue, Wheel

__all__ = ["Body", "Catalogue", "Wheel", "catalogue", "procedural"]
