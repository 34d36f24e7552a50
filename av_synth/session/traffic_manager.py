"""A Traffic Manager of a session's own."""

from __future__ import annotations

import socket

import carla


def start_traffic_manager(client: carla.Client, seed: int) -> carla.TrafficManager:
    """Start one in this process: synchronous, seeded, on a free port.

    Hybrid physics are off: they move vehicles that are far from the ego by leaps.
    """
    manager = on_free_port(client)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(seed % 2**31)
    manager.set_hybrid_physics_mode(False)
    return manager


def on_free_port(client: carla.Client) -> carla.TrafficManager:
    """Start one in this process with the settings that CARLA gives it, on a port that nobody else has.

    The port is held until the Traffic Manager listens: one that was merely found free may be taken meanwhile, on a
    machine where many simulators have many connections. The client lets its listening sockets share an address.

    Raises:
        RuntimeError: if the simulator does not answer.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("", 0))
        return client.get_trafficmanager(held.getsockname()[1])
