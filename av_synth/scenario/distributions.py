"""Distributions of parameters, and random streams that depend on nothing but names and a seed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator

from av_synth.documents import Strict, Written
from av_synth.messages import nearest, shown
from av_synth.scenario.expressions import Value

DECIMALS = 4  # of drawn numbers: finer than anything that could matter, short enough to read
_MAX_STEPS = 10_000

KINDS = ("constant", "uniform", "integer", "normal", "lognormal", "choice", "discrete")


_WEIGHT = {"type": "number", "minimum": 0}


def stream(scenario: str, key: str, seed: int) -> np.random.Generator:
    """The random stream of one thing in one draw: adding another parameter does not shift this one's numbers."""
    digest = hashlib.sha256(f"{scenario}\0{key}\0{seed}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _cut(mean: float, sd: float, low: float, high: float, fraction: float) -> float:
    """The quantile of a normal distribution cut off at both ends: its inverse distribution function, no rejection."""
    normal = NormalDist(mean, sd)
    below, above = normal.cdf(low), normal.cdf(high)
    quantile = min(max(below + fraction * (above - below), 1e-12), 1 - 1e-12)
    return min(max(normal.inv_cdf(quantile), low), high)


def _check_mass(mean: float, sd: float, low: float, high: float) -> None:
    normal = NormalDist(mean, sd)
    if normal.cdf(high) - normal.cdf(low) < 1e-3:
        raise ValueError("less than a thousandth of the distribution lies between min and max; want more")


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
        _check_mass(self.mean, self.sd, self.min, self.max)
        return self


class LogNormal(Strict):
    """A log-normal distribution cut off at both ends: the logarithm is normal, around that of the median."""

    median: float = Field(gt=0, description="the median, before the ends are cut off")
    sigma: float = Field(gt=0, le=5, description="the standard deviation of the natural logarithm")
    min: float = Field(gt=0, description="the lower end")
    max: float = Field(gt=0, description="the upper end")

    @model_validator(mode="after")
    def _has_mass(self) -> LogNormal:
        if not self.min < self.max:
            raise ValueError(f"min = {self.min}; want it below max = {self.max}")
        _check_mass(*self.of_logarithm)
        return self

    @property
    def of_logarithm(self) -> tuple[float, float, float, float]:
        """Mean, standard deviation, lower and upper end of the logarithm."""
        return math.log(self.median), self.sigma, math.log(self.min), math.log(self.max)


class Weighted(Strict):
    """One value of a discrete distribution."""

    value: Value = Field(description="a number or a text")
    weight: float = Field(ge=0, description="how often, compared with the others")


class Distribution(Strict):
    """How a parameter is drawn: exactly one of the kinds, with its `step` and its `default`."""

    constant: Value | None = Field(default=None, description="always this value")
    uniform: tuple[float, float] | None = Field(default=None, description="[low, high]")
    integer: tuple[int, int] | None = Field(default=None, description="[low, high], both included")
    normal: Normal | None = Field(default=None, description="a truncated normal: mean, sd, min, max")
    lognormal: LogNormal | None = Field(default=None, description="a truncated log-normal: median, sigma, min, max")
    choice: tuple[Value, ...] | None = Field(default=None, min_length=1, max_length=100, description="a list of values")
    discrete: (
        Annotated[
            tuple[Weighted, ...],
            Field(min_length=1, max_length=100),
            Written({"type": "object", "minProperties": 1, "maxProperties": 100, "additionalProperties": _WEIGHT}),
        ]
        | None
    ) = Field(default=None, description="values with weights")
    step: float | None = Field(default=None, ge=1e-3, description="with uniform or integer: only low, low + step, ...")
    default: Value | None = Field(default=None, description="the value that stands for all; the middle if left out")

    @field_validator("uniform", "integer")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] <= value[1]:
            raise ValueError(f"got [{value[0]}, {value[1]}]; want [low, high]")
        return value

    @field_validator("discrete")
    @classmethod
    def _weighs(cls, value: tuple[Weighted, ...] | None) -> tuple[Weighted, ...] | None:
        if value is not None:
            total = sum(item.weight for item in value)
            if not 0 < total < math.inf:
                raise ValueError(f"the weights add up to {total:g}; want more than 0")
            if len({written(item.value) for item in value}) < len(value):
                raise ValueError("has a value twice; want each once")
        return value

    @model_validator(mode="after")
    def _one(self) -> Distribution:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"got {', '.join(given) or 'none'}; want exactly one of {', '.join(KINDS)}")
        if self.step is not None:
            self._check_step(self.step)
        if self.default is not None:
            try:
                self.take(self.default)
            except ValueError as error:
                raise ValueError(f"default: {error}") from None
        return self

    def _check_step(self, step: float) -> None:
        span = self.uniform or self.integer
        if span is None:
            raise ValueError("step goes with uniform and integer; want it left out")
        steps = (span[1] - span[0]) / step
        if self.integer is not None and step != int(step):
            raise ValueError(f"step = {step:g}; want a whole number with integer")
        if steps > _MAX_STEPS or abs(steps - round(steps)) > 1e-6:
            raise ValueError(
                f"step = {step:g}; want one that leads from {span[0]:g} to {span[1]:g}, in {_MAX_STEPS} steps at most"
            )

    def draw(self, random: np.random.Generator) -> Value:
        """A value; takes exactly one number from the stream, so that what follows does not shift."""
        return self.at(float(random.random()))

    def at(self, fraction: float) -> Value:
        """The inverse distribution function: the value that a share of all draws, 0 to 1, does not exceed.

        Texts are in the order in which they are written.
        """
        if self.discrete is not None:
            left = fraction * sum(item.weight for item in self.discrete)
            for item in self.discrete:
                left -= item.weight
                if left < 0:
                    return item.value
            return next(item.value for item in reversed(self.discrete) if item.weight)
        values = self.values
        if values is not None:
            return values[min(int(fraction * len(values)), len(values) - 1)]
        if self.normal is not None:
            normal = self.normal
            return round(_cut(normal.mean, normal.sd, normal.min, normal.max, fraction), DECIMALS)
        if self.lognormal is not None:
            drawn = math.exp(_cut(*self.lognormal.of_logarithm, fraction))
            return round(min(max(drawn, self.lognormal.min), self.lognormal.max), DECIMALS)
        low, high = self.uniform or (0.0, 0.0)
        return round(low + fraction * (high - low), DECIMALS)

    @property
    def values(self) -> Sequence[Value] | None:
        """All values that it can take, in order; None if they are a continuous range."""
        if self.choice is not None:
            return self.choice
        if self.discrete is not None:
            return tuple(item.value for item in self.discrete if item.weight)
        if self.integer is not None:
            return range(self.integer[0], self.integer[1] + 1, int(self.step or 1))
        if self.uniform is not None and self.step is not None:
            low, high = self.uniform
            return tuple(
                round(low + index * self.step, DECIMALS) for index in range(round((high - low) / self.step) + 1)
            )
        return (self.constant,) if self.constant is not None else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest value it can take; None if it is not a range of numbers."""
        cut = self.normal or self.lognormal
        if cut is not None:
            return cut.min, cut.max
        return self.uniform if self.uniform is not None else self.integer

    @property
    def middle(self) -> Value:
        """A typical value: its default, else the middle of the range, the mean, the median, or the first value."""
        if self.default is not None:
            return self.take(self.default)
        if self.limits is None:
            return self.values[0] if self.values else 0
        low, high = self.limits
        if self.integer is not None or self.step is not None:
            values = self.values or (low,)
            return values[(len(values) - 1) // 2]
        centre = self.normal.mean if self.normal else self.lognormal.median if self.lognormal else (low + high) / 2
        return min(max(centre, low), high)

    def extremes(self) -> Iterator[Value]:
        """The values at which a document that uses the parameter is worth checking: the ends, or every text."""
        if self.limits is not None:
            yield from self.limits
        elif self.constant is None:
            values = self.values or ()
            numbers = [value for value in values if not isinstance(value, str | bool)]
            if len(numbers) < len(values):
                yield from values
            else:  # the ends, and one that is not whole, where whole numbers may be wanted
                yield from dict.fromkeys([min(numbers), max(numbers), *[it for it in numbers if it != int(it)][:1]])

    def in_words(self) -> str:
        """What it draws, as a person reads it."""
        if self.limits is None:
            *others, last = dict.fromkeys(map(written, self.values or ()))
            return f"{', '.join(others)} or {last}" if others else f"always {last}"
        text = "{:g} to {:g}".format(*self.limits)
        if self.step is not None:
            return f"{text} in steps of {self.step:g}"
        if self.normal is not None:
            return f"{text}, mostly around {self.normal.mean:g} (normal, sd {self.normal.sd:g})"
        if self.lognormal is not None:
            around = f"{self.lognormal.median:g} (log-normal, sigma {self.lognormal.sigma:g})"
            return f"{text}, mostly around {around}"
        return text if self.integer is None else f"{text}, whole numbers"

    def take(self, value: Value) -> Value:
        """A value given from outside, as it would have been drawn.

        Raises:
            ValueError: with 'got X; want Y', if it is not one that could have been drawn.
        """
        if self.limits is not None:
            if isinstance(value, str | bool) or not math.isfinite(value):
                raise ValueError(f"got {shown(value)}; want {self._wanted()}")
            low, high = self.limits
            number = int(value) if self.integer is not None else float(value)
            on_step = self.step is None or abs((value - low) / self.step - round((value - low) / self.step)) < 1e-6
            if number != value or not low <= value <= high or not on_step:
                raise ValueError(f"got {shown(value)}; want {self._wanted()}")
            return number
        values = self.values or ()
        for known in values:
            if isinstance(known, str | bool) == isinstance(value, str | bool) and known == value:
                return known
        raise ValueError(f"got {shown(value)}; {nearest(written(value), map(written, values))}")

    def parse(self, text: str) -> Value:
        """Read a value given by hand.

        Raises:
            ValueError: with 'got X; want Y', if it is not one that could have been drawn.
        """
        number = _number(text, whole=self.integer is not None)
        if self.limits is not None:
            try:
                return self.take(text if number is None else number)
            except ValueError:
                raise ValueError(f"got {text!r}; want {self._wanted()}") from None
        if self.constant is not None:
            return self._like_constant(text)
        for value in self.values or ():
            if text == written(value) or (not isinstance(value, str | bool) and number == value):
                return value
        raise ValueError(f"got {text!r}; {nearest(text, map(written, self.values or ()))}")

    def _wanted(self) -> str:
        kind = "a whole number" if self.integer is not None else "a number"
        low, high = self.limits or (0.0, 0.0)
        return f"{kind} from {low:g} to {high:g}" + ("" if self.step is None else f" in steps of {self.step:g}")

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


def written(value: Value) -> str:
    """A value as a document writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(text: str, whole: bool = False) -> float | int | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
