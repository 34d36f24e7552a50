"""A parked vehicle that does something: its lights and doors are the scenario's, and it stays where it is."""

from __future__ import annotations

from av_synth.director.manoeuvres.vehicle_player import VehiclePlayer
from av_synth.director.view import View
from av_synth.session.commands import Command


class ParkedPlayer(VehiclePlayer):
    """A vehicle that nobody drives."""

    def drive(self, _view: View, _dt_s: float) -> list[Command]:
        """No pedals and no steering."""
        return []
