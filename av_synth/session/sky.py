"""The weather of a session's world: CARLA's own, and snow, where the simulator has a blueprint for it."""

from __future__ import annotations

import carla
import numpy as np

from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import transform_from_matrix
from av_synth.scenario.weather import CARLA_FIELDS, Weather
from av_synth.session.blueprints import find

_SNOW = "avsynth.weather.snow"


class Sky:
    """What is sent of weather, and what is told of it.

    Attributes:
        actors: what has to be destroyed in the end.
    """

    def __init__(self, client: carla.Client, world: carla.World, library: carla.BlueprintLibrary) -> None:
        self._client, self._world, self._library = client, world, library
        self._snow_mm_h, self._snow_cover = 0.0, 0.0
        self.actors: list[carla.Actor] = []

    def show(self, weather: Weather) -> None:
        """Set the weather of the next frame.

        Raises:
            CastError: it has snow, and this simulator none.
            SpawnError: the simulator refuses the snow.
        """
        told = weather.to_json()
        if (weather.snow_mm_h, weather.snow_cover) != (self._snow_mm_h, self._snow_cover):
            self._let_it_snow(weather.snow_mm_h, weather.snow_cover)
        self._world.set_weather(carla.WeatherParameters(**{name: told[name] for name in CARLA_FIELDS}))

    def told(self) -> dict[str, float]:
        """The weather by the names of `Weather`: CARLA's parameters by the simulator, snow as it was asked for."""
        found = self._world.get_weather()
        carlas = {name: float(getattr(found, name)) for name in CARLA_FIELDS}
        return {**carlas, "snow_mm_h": self._snow_mm_h, "snow_cover": self._snow_cover}

    def _let_it_snow(self, snow_mm_h: float, snow_cover: float) -> None:
        """An actor brings the snow while it is there; its attributes say how much."""
        snow = find(self._library, _SNOW)
        if snow is None:
            raise CastError(
                f"snow_mm_h = {snow_mm_h:g}, snow_cover = {snow_cover:g}: this simulator has no blueprint {_SNOW}; "
                "want 0 and 0, for CARLA has no snow, or av_synth's own simulator",
                ("weather", "snow_mm_h" if snow_mm_h else "snow_cover"),
            )
        # the client itself takes an actor that no snapshot has had for dead, and would not send that
        self._client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in self.actors], False)
        self.actors.clear()
        self._snow_mm_h, self._snow_cover = snow_mm_h, snow_cover
        if snow_mm_h == snow_cover == 0.0:
            return
        snow.set_attribute("avsynth.snow_mm_h", repr(snow_mm_h))
        snow.set_attribute("avsynth.snow_cover", repr(snow_cover))
        actor = self._world.try_spawn_actor(snow, transform_from_matrix(np.eye(4)))
        if actor is None:
            raise SpawnError(f"{_SNOW}: the simulator refuses it; its log says why")
        self.actors.append(actor)
