"""The street lights of a town as clients switch them. By themselves they are on, and shine when it is dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.lamp_places import street_lamps
from av_synth.simulator.scene import Mesh

_STREET = 2  # CARLA's LightGroup
_INTENSITY = 1000.0  # what clients are told of a lamp that nobody has changed; twice as much is twice as bright
_COLOUR = (255, 219, 165)
_MAX_INTENSITY = 1e6


@dataclass(frozen=True)
class StreetLight:
    """One lamp: its place (3,), whether it is on, and CARLA's intensity, sRGB colour and LightGroup."""

    id: int
    centre_m: Array
    on: bool = True
    intensity: float = _INTENSITY
    colour: tuple[int, int, int] = _COLOUR
    group: int = _STREET


class StreetLights:
    """All lamps of a town; ids count from 1, in the order of `street_lamps`.

    Attributes:
        lights: as they are now, by id.
        changed: whether some were switched since this was last set to False.
    """

    def __init__(self, town: Mesh) -> None:
        self._first = {k + 1: StreetLight(k + 1, at) for k, at in enumerate(street_lamps(town))}
        self.reset()

    def reset(self) -> None:
        """Let all be as nobody has changed them."""
        self.lights = dict(self._first)
        self.changed = False
        self._shine: Array | None = None

    def switch(self, wanted: Sequence[StreetLight]) -> None:
        """Take over everything but the places.

        Raises:
            DataError: if there is no such light, or an intensity cannot be shown; none of them has changed then.
        """
        for light in wanted:
            if light.id not in self.lights:
                raise DataError(f"update_lights_state: no street light {light.id}; want 1 to {len(self.lights)}")
            if not 0.0 <= light.intensity <= _MAX_INTENSITY:
                raise DataError(
                    f"update_lights_state: street light {light.id}: got intensity {light.intensity}; "
                    f"want 0 to {_MAX_INTENSITY:g}"
                )
        for light in wanted:
            self.lights[light.id] = replace(light, centre_m=self.lights[light.id].centre_m)
        if wanted:
            self.changed = True
            self._shine = np.array([_shine(light) for light in self.lights.values()])

    def shine(self) -> Array | None:
        """What `Scene.street_light` is to be; not changed afterwards."""
        return self._shine


def _shine(light: StreetLight) -> Array:
    linear = (np.array(light.colour) / np.array(_COLOUR)) ** 2
    return np.asarray(linear * (light.intensity / _INTENSITY if light.on else 0.0))
