"""A world in the real town with the real bodies."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.town import load
from av_synth.simulator.world import Actor, World


class Street:
    """South Street: straight along x, one lane each way, the eastbound one at y = 58.25 m; pavement up to 54.2 m."""

    lane_y_m = 58.25
    oncoming_y_m = 61.75
    pavement_y_m = 52.5

    def at(self, x_m: float, y_m: float = lane_y_m, yaw_rad: float = 0.0, z_m: float = 0.05) -> Array:
        """A pose on the street."""
        return from_yaw(x_m, y_m, z_m, yaw_rad)


class Stage(World):
    """A world with two shorthands."""

    def run(self, seconds: float, delta_s: float = 0.05) -> None:
        """Step for some seconds."""
        for _ in range(round(seconds / delta_s)):
            self.step(delta_s)

    def car(self, x_m: float, y_m: float = Street.lane_y_m, yaw_rad: float = 0.0, model: str = "audi.a2") -> Actor:
        """A settled car."""
        return self.spawn(f"vehicle.{model}", {}, from_yaw(x_m, y_m, 0.0, yaw_rad))


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def world() -> Stage:
    return Stage(load("AvSynth01"), catalogue())


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
