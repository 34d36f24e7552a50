"""Traffic lights and street lights."""

from __future__ import annotations

from typing import Any

import numpy as np

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import CallTable
from av_synth.simulator.protocol.codec import flag, integer, items, number, text
from av_synth.simulator.world import LightState
from av_synth.simulator.world.street_lights import StreetLight

TABLE: CallTable[Engine] = CallTable()


@TABLE.void
def set_traffic_light_state(engine: Engine, actor_id: Any, state: Any) -> None:
    """Show a colour now."""
    engine.world.set_traffic_light_state(integer(actor_id), LightState(integer(state, 0, max(LightState))))


@TABLE.void
def set_traffic_light_green_time(engine: Engine, actor_id: Any, seconds: Any) -> None:
    """Change how long green lasts."""
    engine.world.set_traffic_light_times(integer(actor_id), green_s=number(seconds))


@TABLE.void
def set_traffic_light_yellow_time(engine: Engine, actor_id: Any, seconds: Any) -> None:
    """Change how long yellow lasts."""
    engine.world.set_traffic_light_times(integer(actor_id), yellow_s=number(seconds))


@TABLE.void
def set_traffic_light_red_time(engine: Engine, actor_id: Any, seconds: Any) -> None:
    """Change how long all are red before the next phase."""
    engine.world.set_traffic_light_times(integer(actor_id), red_s=number(seconds))


@TABLE.void
def freeze_traffic_light(engine: Engine, actor_id: Any, frozen: Any) -> None:
    """Stop or let go on the cycle of a light's junction: its lights stop together."""
    engine.world.freeze_traffic_light(integer(actor_id), flag(frozen))


@TABLE.void
def freeze_all_traffic_lights(engine: Engine, frozen: Any) -> None:
    """Stop or let go on all cycles."""
    engine.world.freeze_all_traffic_lights(flag(frozen))


@TABLE.void
def reset_traffic_light_group(engine: Engine, actor_id: Any) -> None:
    """Begin a junction's cycle again."""
    engine.world.reset_traffic_light_group(integer(actor_id))


@TABLE.void
def reset_all_traffic_lights(engine: Engine) -> None:
    """Begin all cycles again."""
    engine.world.reset_all_traffic_lights()


@TABLE.value
def get_group_traffic_lights(engine: Engine, actor_id: Any) -> list[int]:
    """Ids of the lights of a junction."""
    return list(engine.world.traffic_light_group(integer(actor_id)))


@TABLE.value
def query_lights_state(engine: Engine, client: Any) -> list[Any]:
    """LightStates of the town's street lights."""
    text(client)
    return [
        [light.id, codec.vector(light.centre_m), light.intensity, light.group, list(light.colour), light.on]
        for light in engine.street_lights.lights.values()
    ]


@TABLE.void
def update_lights_state(engine: Engine, client: Any, lights: Any, discard: Any) -> None:
    """Switch street lights. Clients are told by the next snapshot to ask for them anew."""
    text(client)
    flag(discard)
    engine.street_lights.switch([_street_light(light) for light in items(lights)])


def _street_light(value: Any) -> StreetLight:
    light_id, _, intensity, group, colour, on = items(value, 6)[:6]
    red, green, blue = (integer(part, 0, 255) for part in items(colour, 3)[:3])
    nowhere = np.zeros(3)  # lamps do not move
    return StreetLight(
        integer(light_id), nowhere, flag(on), number(intensity), (red, green, blue), integer(group, 0, 255)
    )
