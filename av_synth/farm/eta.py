"""How long a campaign still takes, from the times that its runs have taken so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from av_synth.farm.model import PlannedRun

Affinity = tuple[str, str]
"""Of `PlannedRun.affinity`: town and rig, which is what the time of a run depends on most."""

_ENOUGH = 4  # of fewer runs quartiles say little: such a town is taken to be like the others


@dataclass(frozen=True)
class Eta:
    """Seconds until nothing remains: if runs take as long as the first, second and third quartile of those so far."""

    low_s: float
    middle_s: float
    high_s: float


def eta(
    left: Mapping[Affinity, int],
    walls: Mapping[Affinity, Sequence[float]],
    working: Sequence[tuple[PlannedRun, float]],
    workers: int,
    waste: float,
) -> Eta | None:
    """When nothing remains.

    Args:
        left: runs that are neither committed nor quarantined, those being played included.
        walls: seconds that committed runs took.
        working: what is being played, and the share of each that is still to come, 0 to 1.
        workers: how many there are, should none be busy.
        waste: seconds spent on attempts that failed, for each second spent on one that did not.

    Returns:
        None where no run has been committed yet, or there are no workers.
    """
    left = {affinity: count for affinity, count in left.items() if count > 0}
    if not left:
        return Eta(0.0, 0.0, 0.0)
    pooled = _quartiles(wall for some in walls.values() for wall in some)
    if pooled is None or not (working or workers):
        return None
    known = {a: (_quartiles(walls.get(a, ())) if len(walls.get(a, ())) >= _ENOUGH else None) or pooled for a in left}
    begun = [(run.affinity, share) for run, share in working if run.affinity in known]

    def seconds(quartile: int) -> float:
        each = {affinity: spread[quartile] for affinity, spread in known.items()}
        total = sum(count * each[affinity] for affinity, count in left.items())
        total -= sum((1.0 - share) * each[affinity] for affinity, share in begun)
        # never less than a single run needs, however many workers there are
        waiting = sum(left.values()) > len(begun)
        longest = max(each.values()) if waiting else max(share * each[affinity] for affinity, share in begun)
        return max(total * (1.0 + waste) / (len(working) or workers), longest)

    return Eta(seconds(0), seconds(1), seconds(2))


def _quartiles(values: Iterable[float]) -> tuple[float, float, float] | None:
    values = list(values)
    if len(values) < 2:
        return (values[0],) * 3 if values else None
    first, second, third = quantiles(values, n=4, method="inclusive")
    return first, second, third
