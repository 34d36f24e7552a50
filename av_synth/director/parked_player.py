"""A parked vehicle that does something: its lights and doors are the scenario's, and it stays where it is."""

from __future__ import annotations

import carla

from av_synth.director.players import Command
from av_synth.director.vehicle_player import VehiclePlayer
from av_synth.director.view import View


class ParkedPlayer(VehiclePlayer):
    """A vehicle that nobody drives."""

    def control(self, view: View, dt_s: float) -> list[Command]:
        """What its events sent, and no pedals."""
        sent = super().control(view, dt_s)
        return [command for command in sent if not isinstance(command, carla.command.ApplyVehicleControl)]
