"""Distributions of parameters, and random streams that depend on nothing but names and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from pydantic import Field, field_validator, model_validator

from av_synth.documents import Strict, nearest
from av_synth.scenario.expressions import Value

DECIMALS = 4  # of drawn numbers: finer than anything that could matter, short enough to read


def stream(scenario: str, key: str, seed: int) -> np.random.Generator:
    """The random stream of one thing in one draw: adding another parameter does not shift this one's numbers."""
    digest = hashlib.sha256(f"{scenario}\0{key}\0{seed}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


class Normal(Strict):
    """A normal distribution cut off at both ends."""

    mean: float = Field(description="the mean")
    sd: float = Field(gt=0, description="the standard deviation")
    min: float = Field(description="the lower end")
    max: float = Field(description="the upper end")

    @model_validator(mode="after")
    def _has_mass(self) -> Normal:
        if not self.min < self.max:
            raise ValueError(f"min = {self.min}; want it below max = {self.max}")
        normal = NormalDist(self.mean, self.sd)
        if normal.cdf(self.max) - normal.cdf(self.min) < 1e-3:
            raise ValueError("less than a thousandth of the distribution lies between min and max; want more")
        return self


class Distribution(Strict):
    """How a parameter is drawn: exactly one of the keys."""

    constant: Value | None = Field(default=None, description="always this value")
    uniform: tuple[float, float] | None = Field(default=None, description="[low, high]")
    integer: tuple[int, int] | None = Field(default=None, description="[low, high], both included")
    normal: Normal | None = Field(default=None, description="a truncated normal: mean, sd, min, max")
    choice: tuple[Value, ...] | None = Field(default=None, min_length=1, max_length=100, description="a list of values")

    @field_validator("uniform", "integer")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] <= value[1]:
            raise ValueError(f"got [{value[0]}, {value[1]}]; want [low, high]")
        return value

    @model_validator(mode="after")
    def _one(self) -> Distribution:
        if len(self.model_fields_set) != 1:
            given = ", ".join(sorted(self.model_fields_set)) or "none"
            raise ValueError(f"got {given}; want exactly one of constant, uniform, integer, normal, choice")
        return self

    def draw(self, random: np.random.Generator) -> Value:
        """A value; takes exactly one number from the stream, so that what follows does not shift."""
        fraction = float(random.random())
        if self.choice is not None:
            return self.choice[int(fraction * len(self.choice))]
        if self.integer is not None:
            low, high = self.integer
            return low + int(fraction * (high - low + 1))
        if self.uniform is not None:
            return round(self.uniform[0] + fraction * (self.uniform[1] - self.uniform[0]), DECIMALS)
        if self.normal is not None:
            # the inverse of the truncated distribution function: no rejection, one number a draw
            normal = NormalDist(self.normal.mean, self.normal.sd)
            below, above = normal.cdf(self.normal.min), normal.cdf(self.normal.max)
            quantile = min(max(below + fraction * (above - below), 1e-12), 1 - 1e-12)
            return round(min(max(normal.inv_cdf(quantile), self.normal.min), self.normal.max), DECIMALS)
        return self.constant if self.constant is not None else 0

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest value it can take; None if it is not a range of numbers."""
        if self.normal is not None:
            return self.normal.min, self.normal.max
        return self.uniform if self.uniform is not None else self.integer

    @property
    def middle(self) -> Value:
        """A typical value: the middle of the range, the mean, or the first choice."""
        if self.choice is not None:
            return self.choice[0]
        if self.constant is not None:
            return self.constant
        if self.normal is not None:
            return min(max(self.normal.mean, self.normal.min), self.normal.max)
        low, high = self.limits or (0.0, 0.0)
        return (int(low) + int(high)) // 2 if self.integer is not None else (low + high) / 2

    def extremes(self) -> Iterator[Value]:
        """The values at which a document that uses the parameter is worth checking."""
        if self.choice is not None:
            yield from self.choice
        elif self.limits is not None:
            yield from self.limits

    def parse(self, text: str) -> Value:
        """Read a value given by hand.

        Raises:
            ValueError: with 'got X; want Y', if it is not one that could have been drawn.
        """
        if self.limits is not None:
            low, high = self.limits
            number = _number(text, whole=self.integer is not None)
            if number is None or not low <= number <= high:
                kind = "a whole number" if self.integer is not None else "a number"
                raise ValueError(f"got {text!r}; want {kind} from {low:g} to {high:g}")
            return number
        known = self.choice if self.choice is not None else ()
        for value in known:
            if text == _written(value) or (not isinstance(value, str | bool) and _number(text) == value):
                return value
        if known:
            raise ValueError(f"got {text!r}; {nearest(text, [_written(value) for value in known])}")
        return self._like_constant(text)

    def _like_constant(self, text: str) -> Value:
        if isinstance(self.constant, bool):
            if text not in ("true", "false"):
                raise ValueError(f"got {text!r}; want true or false")
            return text == "true"
        if isinstance(self.constant, str):
            return text
        number = _number(text, whole=isinstance(self.constant, int))
        if number is None:
            raise ValueError(f"got {text!r}; want {'a whole number' if isinstance(self.constant, int) else 'a number'}")
        return number


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(text: str, whole: bool = False) -> float | int | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
