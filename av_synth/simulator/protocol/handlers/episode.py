"""The episode: version, settings, ticks, weather, blueprints, streams, Traffic Managers."""

from __future__ import annotations

from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec, structs
from av_synth.simulator.protocol.calls import CallError, CallTable, Kind, Packed
from av_synth.simulator.protocol.codec import integer, items, number, text
from av_synth.simulator.world.blueprints import SPECTATOR_ID

CARLA_VERSION = "0.9.16"
TABLE: CallTable[Engine] = CallTable()
_MAX_ADDRESS = 255  # characters, as a host's name in the DNS


@TABLE.unlocked(Kind.VALUE)
def version(_engine: Engine) -> str:
    """The CARLA version whose protocol this is; the simulator's own is in the blueprint avsynth.simulator.facts."""
    return CARLA_VERSION


@TABLE.value
def get_episode_info(engine: Engine) -> Any:
    """EpisodeInfo: id and a token of the world observer."""
    return [engine.world.episode_id, [engine.streams.token(engine.streams.new_observer())]]


@TABLE.value
def get_sensor_token(engine: Engine, stream_id: Any) -> Any:
    """Where to subscribe to a stream; whoever asks is about to."""
    stream = integer(stream_id, 0)
    if not (engine.streams.is_observer(stream) or engine.sensors.has_stream(stream)):
        raise CallError(f"get_sensor_token: no sensor has stream {stream}; it may have been destroyed")
    engine.streams.expect(stream)
    return [engine.streams.token(stream)]


@TABLE.unlocked(Kind.VALUE)
def get_episode_settings(engine: Engine) -> Packed:
    """EpisodeSettings."""
    return engine.packed_settings


@TABLE.value
def set_episode_settings(engine: Engine, settings: Any) -> int:
    """Take over settings; answer a frame that is out already, for the client waits for it."""
    engine.apply_settings(codec.read_settings(settings))
    return engine.world.frame


@TABLE.unlocked(Kind.VALUE)
def tick_cue(engine: Engine) -> int:
    """Make the next frame, if the world waits for that; answer its number."""
    if engine.settings.synchronous:
        return engine.tick()
    return engine.world.frame + 1


@TABLE.unlocked(Kind.VALUE)
def get_available_maps(engine: Engine) -> list[str]:
    """Names of all towns."""
    return engine.available_maps()


@TABLE.value
def get_weather_parameters(engine: Engine) -> Packed:
    """WeatherParameters."""
    return codec.weather(engine.world.weather)


@TABLE.void
def set_weather_parameters(engine: Engine, weather: Any) -> None:
    """Change the weather from the next frame on."""
    engine.world.weather = codec.read_weather(weather)


@TABLE.value
def get_actor_definitions(engine: Engine) -> list[Any]:
    """The blueprint library; as in CARLA, nothing in it is the spectator's."""
    return [structs.definition(value) for value in engine.definitions().values() if value.id != SPECTATOR_ID]


@TABLE.unlocked(Kind.VALUE)
def is_traffic_manager_running(engine: Engine, port: Any) -> bool:
    """Whether a client has announced a Traffic Manager on a port."""
    return integer(port) in engine.traffic_managers


@TABLE.value
def get_traffic_manager_running(engine: Engine, port: Any) -> list[Any]:
    """Address of a Traffic Manager, or ["", 0]."""
    address = engine.traffic_managers.get(integer(port))
    return ["", 0] if address is None else [address, port]


@TABLE.value
def add_traffic_manager_running(engine: Engine, where: Any) -> bool:
    """Note a client's Traffic Manager; False if its port is taken."""
    address, port = items(where, 2)[:2]
    if integer(port, 0, 65535) in engine.traffic_managers:
        return False
    engine.traffic_managers[port] = text(address, _MAX_ADDRESS)
    return True


@TABLE.value
def destroy_traffic_manager(engine: Engine, port: Any) -> bool:
    """Forget a Traffic Manager; False if there was none."""
    return engine.traffic_managers.pop(integer(port), None) is not None


@TABLE.value
def get_imui_gravity(engine: Engine) -> float:
    """Gravity in m/s2 that inertial sensors feel."""
    return engine.sensors.imu_gravity_mps2


@TABLE.void
def set_imui_gravity(engine: Engine, gravity_mps2: Any) -> None:
    """Let inertial sensors feel another gravity until the end of the episode; nothing falls otherwise than before."""
    engine.sensors.imu_gravity_mps2 = number(gravity_mps2)
