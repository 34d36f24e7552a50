"""Watching a run without sensors: where everybody was, for those who draw or measure it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from av_synth.director import Event, Outcome
from av_synth.log.state import ActorInfo, WorldState
from av_synth.run.spec import Context, RunUpTick, Tick


@dataclass
class Watcher:
    """A sink that keeps every state.

    Attributes:
        context: of the run.
        states: of each recorded frame.
        infos: what does not change, of everybody who was ever there, by actor id.
        events: what happened, in order.
        outcome: what became of the expectations; None until the run is over.
        made_by: what the run was made with, see `identity.provenance`.
    """

    context: Context | None = None
    states: list[WorldState] = field(default_factory=list)
    infos: dict[int, ActorInfo] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outcome: Outcome | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)

    def begin(self, context: Context) -> None:
        """See `spec.Sink`."""
        self.context = context

    def run_up(self, tick: RunUpTick) -> None:
        """See `spec.Sink`; what comes before the first frame is not watched."""

    def tick(self, tick: Tick) -> None:
        """See `spec.Sink`."""
        self.states.append(tick.state)
        self.infos |= tick.state.infos
        self.events += tick.events

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        """See `spec.Sink`."""
        self.outcome, self.made_by = outcome, provenance
