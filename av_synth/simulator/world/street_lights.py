"""The street lights of a town as clients switch them. By themselves they are on, and shine when it is dark."""

from __future__ import annotations

import zlib
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
    """All lamps of a town.

    The 0.9.16 client keeps the lights of every town that it was in, by id, and believes of an id what it was told first
    of its place. So ids go by places: lamps of two towns have different ones, unless they stand at the same place.

    Attributes:
        lights: as they are now, by id, in the order of `street_lamps`.
        changed: whether some were switched since this was last set to False.
    """

    def __init__(self, town: Mesh) -> None:
        self._first: dict[int, StreetLight] = {}
        for at in street_lamps(town)[0]:
            light_id = _id_of(at)
            while light_id in self._first:
                light_id += 1
            self._first[light_id] = StreetLight(light_id, at)
        self.reset()

    def reset(self) -> None:
        """Let all be as nobody has changed them."""
        self.lights = dict(self._first)
        self.changed = False
        self._shine: Array | None = None

    def switch(self, wanted: Sequence[StreetLight]) -> None:
        """Take over everything but the places.

        Raises:
            DataError: if an intensity cannot be shown, and none of them has changed then; or if the town has not all of
                them: those that it has are switched, for a client that was in another town asks for all it knows.
        """
        ours = [light for light in wanted if light.id in self.lights]
        for light in ours:
            if not 0.0 <= light.intensity <= _MAX_INTENSITY:
                raise DataError(
                    f"update_lights_state: street light {light.id}: got intensity {light.intensity}; "
                    f"want 0 to {_MAX_INTENSITY:g}"
                )
        for light in ours:
            self.lights[light.id] = replace(light, centre_m=self.lights[light.id].centre_m)
        if ours:
            self.changed = True
            self._shine = np.array([_shine(light) for light in self.lights.values()])
        if len(ours) < len(wanted):
            raise DataError(
                f"update_lights_state: {len(wanted) - len(ours)} of {len(wanted)} street lights are not in this town, "
                "which switches the others; a client keeps the lights of towns that it was in before"
            )

    def shine(self) -> Array | None:
        """What `Scene.street_light` is to be; not changed afterwards."""
        return self._shine


def _id_of(centre_m: Array) -> int:
    return zlib.crc32(np.round(100.0 * centre_m).astype("<i4").tobytes()) >> 1


def _shine(light: StreetLight) -> Array:
    linear = (np.array(light.colour) / np.array(_COLOUR)) ** 2
    return np.asarray(linear * (light.intensity / _INTENSITY if light.on else 0.0))
