"""Tokens, timestamps and file names: functions of the run id and local keys alone, so that merging needs no counter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from av_synth.export.run_clock import RunClock
from av_synth.log.origin import Origin


def token(*key: object) -> str:
    """32 hex digits, the same for the same key and, for all purposes, different for another."""
    return hashlib.sha256("\x1f".join(("av_synth", *map(str, key))).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class RunNames(RunClock):
    """What the things of one run are called in the dataset, and when they were.

    Attributes:
        origin: the run whose instances these are too, if this one plays it back: they have the same tokens in the
            datasets of both. None if they are its own.
    """

    origin: Origin | None = None

    @cached_property
    def logfile(self) -> str:
        """Unique name of the log, in the manner of nuScenes: vehicle, date, time, UTC offset."""
        return f"{self.run_id}-{self.start:%Y-%m-%d-%H-%M-%S}+0000"

    def filename(self, folder: str, channel: str, time_us: int, suffix: str) -> str:
        """Such as 'samples/CAM_FRONT/<logfile>__CAM_FRONT__<timestamp>.jpg'; `suffix` begins with a dot."""
        return f"{folder}/{channel}/{self.logfile}__{channel}__{self.timestamp(time_us)}{suffix}"

    def log(self) -> str:
        """Token of the run's log."""
        return token("log", self.run_id)

    def scene(self) -> str:
        """Token of the run's scene."""
        return token("scene", self.run_id)

    def calibrated_sensor(self, channel: str) -> str:
        """Token of the calibration of a sensor."""
        return token("calibrated_sensor", self.run_id, channel)

    def sample(self, frame: int) -> str:
        """Token of the sample (keyframe) at a frame."""
        return token("sample", self.run_id, frame)

    def sample_data(self, channel: str, frame: int) -> str:
        """Token of one record of one sensor; its ego pose and its instance mask have the same."""
        return token("sample_data", self.run_id, channel, frame)

    def instance(self, actor_id: int) -> str:
        """Token of the instance that an actor is."""
        origin = self.origin or Origin(self.run_id)
        return token("instance", origin.run_id, origin.id_of(actor_id))

    def annotation(self, frame: int, actor_id: int) -> str:
        """Token of an actor's box at a keyframe."""
        return token("sample_annotation", self.run_id, frame, actor_id)


def sensor(channel: str) -> str:
    """Token of a sensor: shared by all runs."""
    return token("sensor", channel)


def category(name: str) -> str:
    """Token of a category."""
    return token("category", name)


def attribute(name: str) -> str:
    """Token of an attribute."""
    return token("attribute", name)
