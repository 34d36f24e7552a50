"""What the ego and the challenging actor come to in a run: the metrics of a target, from every recorded state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from av_synth.director.expectations import BRAKING_S
from av_synth.director.footprints import footprint
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.metrics import Footprint, contact
from av_synth.metrics.braking import decelerations_to_avoid_crash_mps2
from av_synth.metrics.headway import headways_s
from av_synth.metrics.many import Footprints, distances_m, times_to_collision_s
from av_synth.metrics.pet import encroachments
from av_synth.scenario.words import EGO
from av_synth.search.target import CONTACT, METRICS, Target

_LOOK_EVERY = 10  # ticks: metrics are worked out for so many at once, which costs a fraction of one by one


@dataclass
class TargetWatch:
    """Watches a run; give it to `execute` as `watch`. States in which the challenging actor is not there tell nothing.

    Attributes:
        target: what is asked for.
        of: the name of the challenging actor.
        early: end the run as soon as it cannot reach the target any more.
    """

    target: Target
    of: str
    early: bool
    _ego: list[Footprint] = field(default_factory=list)
    _times_s: list[float] = field(default_factory=list)
    _met: list[Footprint] = field(default_factory=list)  # the ego, when the other was there
    _other: list[Footprint] = field(default_factory=list)
    _met_s: list[float] = field(default_factory=list)
    _ids: tuple[int, int] = (0, 0)
    _found: dict[str, float] = field(default_factory=dict)
    _looked: int = 0
    _compared: int = 0

    def __call__(self, state: WorldState) -> bool:
        """Take a recorded state; True where the run may end."""
        if self._ids[1] not in state.actors:  # yet, or any more; who comes again is somebody else to the simulator
            ids = {info.role: info.actor_id for info in state.infos.values()}
            if not self._times_s and self.of not in ids:
                raise DataError(f"{self.of} is not on stage at the first recorded tick")
            self._ids = ids[EGO], ids.get(self.of, 0)
        self._ego.append(footprint(state, self._ids[0]))
        self._times_s.append(state.time_us * 1e-6)
        if self._ids[1] in state.actors:
            self._met.append(self._ego[-1])
            self._other.append(footprint(state, self._ids[1]))
            self._met_s.append(self._times_s[-1])
        if self.early and len(self._times_s) % _LOOK_EVERY == 0:
            self._look()
            return self.target.lost(self._found)
        return False

    def measured(self) -> dict[str, float]:
        """The value of each metric over all states so far; infinite where it never came to that."""
        self._look()
        found = dict(self._found)
        if "pet" in self.target.metrics:
            tracks = Footprints.of(self._met), Footprints.of(self._other)
            found["pet"] = encroachments(*tracks, np.array(self._met_s)).post_s
        return found

    def _look(self) -> None:
        """Work out the states that came since the last look."""
        if self._looked == len(self._ego):
            return
        values: dict[str, Array] = {}
        if self._compared < len(self._other):
            values = self._between(self._met[self._compared :], self._other[self._compared :])
        values["deceleration"] = self._braking()
        for name, series in values.items():
            least = METRICS[name].least
            value = float(series.min() if least else series.max())
            known = self._found.get(name, value)
            self._found[name] = min(known, value) if least else max(known, value)
        self._looked, self._compared = len(self._ego), len(self._other)

    def _between(self, mine: Sequence[Footprint], others: Sequence[Footprint]) -> dict[str, Array]:
        """What the two come to, (N,) each, of `contact` (1,)."""
        ego, other = Footprints.of(mine), Footprints.of(others)
        distance = distances_m(ego, other)
        touched = any(contact(mine[index], others[index]) for index in np.flatnonzero(distance == 0.0).tolist())
        return {
            "ttc": times_to_collision_s(ego, other),
            "distance": distance,
            CONTACT: np.array([float(touched)]),
            "drac": decelerations_to_avoid_crash_mps2(ego, other),
            "headway": np.minimum(headways_s(ego, other), headways_s(other, ego)),
        }

    def _braking(self) -> Array:
        """(N,) deceleration of the ego, m/s2, over `BRAKING_S` up to each new state; (1,) of 0 before there is one."""
        first = max(self._looked - 1, 0)
        times = np.array(self._times_s)
        speeds = np.array([float(box.velocity_mps @ box.axes[0]) for box in self._ego])
        since = np.searchsorted(times, times - BRAKING_S - 1e-6)
        whole = times - times[since] > BRAKING_S - 1e-6
        rates = (speeds[since] - speeds)[whole & (np.arange(len(times)) >= first)] / BRAKING_S
        return np.append(rates, 0.0)
