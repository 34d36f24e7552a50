"""One connected client at an address: adopt, settings, seeds, tick, teardown."""

from av_synth.session.attach import open_session
from av_synth.session.boxes import actor_box
from av_synth.session.errors import client_errors
from av_synth.session.readings import actor_from_ego
from av_synth.session.session import Session
from av_synth.session.steps import OnStep, Step, unheard
from av_synth.session.towns import TownChoice

__all__ = [
    "OnStep",
    "Session",
    "Step",
    "TownChoice",
    "actor_box",
    "actor_from_ego",
    "client_errors",
    "open_session",
    "unheard",
]
