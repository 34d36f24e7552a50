"""Silhouettes: shapes of vehicles that many models are cut to, each stretched to a model's own measures.

A silhouette is a finished shell with what lies on it. Stretching moves its ends and axles to where the model has them,
and everything between along with them; heights and widths are scaled as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.vehicles import Details, Patch

Map = Callable[[float], float]


@dataclass(frozen=True)
class Silhouette:
    """A shell and what is put on it, both in one frame (of `Details`: `shift_x_m` of the shell is 0)."""

    shell: Shell
    details: Details


@dataclass(frozen=True)
class Measures:
    """Outer measures of a model, metres; `width_m` is without mirrors, `over_mirrors_m` with them.

    `front_m` is from the front axle to the foremost point.
    """

    length_m: float
    width_m: float
    over_mirrors_m: float
    height_m: float
    wheelbase_m: float
    front_m: float
    track_m: float
    wheel_radius_m: float
    tyre_m: float = 0.205


def stretched(silhouette: Silhouette, to: Measures) -> Silhouette:
    """The silhouette cut to measures; it has two axles, and its middle becomes that of the model."""
    shell, details = silhouette.shell, silhouette.details
    along = _along(shell, to)
    up = to.height_m / max(row.roof + row.crown for row in shell.sections)
    across = to.width_m / (2.0 * max(row.wide for row in shell.sections))
    mirror = details.mirror

    def moved(patch: Patch) -> Patch:
        x, y, z = patch.centre
        wide = up if abs(np.sin(np.radians(patch.azimuth_deg))) > 0.9 else across
        if wide is up:  # on a flank: as long as the piece of the flank
            half = patch.width_m / 2
            width = along(x + half) - along(x - half)
        else:
            width = patch.width_m * across
        return replace(
            patch,
            centre=(along(x), y * across, z * up),
            width_m=width,
            height_m=patch.height_m * up,
            slant_m=patch.slant_m * up,
        )

    return Silhouette(
        replace(
            shell,
            sections=tuple(_section(row, along, across, up) for row in shell.sections),
            axles_x=tuple(along(x) for x in shell.axles_x),
            wheel_radius_m=to.wheel_radius_m,
            side_windows=tuple((along(a), along(b)) for a, b in shell.side_windows),
            top_windows=tuple((along(a), along(b)) for a, b in shell.top_windows),
        ),
        replace(
            details,
            track_m=to.track_m,
            mirror=None if mirror is None else (along(mirror[0]), mirror[1] * up, to.over_mirrors_m / 2),
            head=None if details.head is None else moved(details.head),
            tail=moved(details.tail),
            front_plate_z=None if details.front_plate_z is None else details.front_plate_z * up,
            rear_plate_z=None if details.rear_plate_z is None else details.rear_plate_z * up,
            middle=tuple(moved(patch) for patch in details.middle),
            sides=tuple(moved(patch) for patch in details.sides),
            seams=tuple(along(x) for x in details.seams),
            wheel_width_m=to.tyre_m,
        ),
    )


def _along(shell: Shell, to: Measures) -> Map:
    """Where a place along the silhouette comes to: ends and axles to the model's, straight lines between."""
    rear, front = shell.sections[0].x, shell.sections[-1].x
    old = (rear, *sorted(shell.axles_x), front)
    axle = to.length_m / 2 - to.front_m
    new = (-to.length_m / 2, axle - to.wheelbase_m, axle, to.length_m / 2)

    def moved(x: float) -> float:
        outside = x - float(np.clip(x, rear, front))
        return float(np.interp(x, old, new)) + outside

    return moved


def _section(row: Section, along: Map, across: float, up: float) -> Section:
    return Section(
        along(row.x),
        row.sill * up,
        row.wide * across,
        row.belt * up,
        row.belt_w * across,
        row.roof * up,
        row.roof_w * across,
        row.crown * up,
    )
