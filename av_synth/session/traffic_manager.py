"""A Traffic Manager of a session's own."""

from __future__ import annotations

import socket

import carla


def start_traffic_manager(client: carla.Client, seed: int) -> carla.TrafficManager:
    """Start one in this process: synchronous, seeded, on a free port.

    Hybrid physics are off: they move vehicles that are far from the ego by leaps.
    """
    manager = client.get_trafficmanager(_free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(seed % 2**31)
    manager.set_hybrid_physics_mode(False)
    return manager


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
