"""How hard somebody must brake: DRAC, required deceleration, and the brake threat number."""

from __future__ import annotations

import math

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint
from av_synth.metrics.many import STILL_MPS, Footprints, strips, times_to_collision_s


def decelerations_to_avoid_crash_mps2(a: Footprints, b: Footprints) -> Array:
    """DRAC of each pair, (*S,), m/s2: the steady deceleration of approach that just avoids contact.

    In two dimensions the approach is along the relative velocity: contact comes after |v| * TTC metres of it, and
    v^2 / (2 s) brings it to rest there, so DRAC = |v| / (2 TTC). It is the same seen from either of the two.
    0 where they never meet (TTC is infinite: receding, passing by, or both at rest); inf in contact, unless they
    have the same velocity, when it is 0.
    Source: D. F. Cooper, N. Ferguson, Traffic studies at T-junctions: 2. A conflict simulation record, Traffic
    Engineering and Control 17, 1976; S. Almqvist, C. Hyden, R. Risser, Use of speed limiters in cars for increased
    safety and a better environment, Transportation Research Record 1318, 1991. Both for one dimension.
    """
    ttc = times_to_collision_s(a, b)
    closing = np.linalg.norm(b.velocity_mps - a.velocity_mps, axis=-1)
    with np.errstate(all="ignore"):
        return np.where(closing > 0.0, closing / (2.0 * ttc), 0.0)


def required_decelerations_mps2(a: Footprints, b: Footprints) -> Array:
    """How hard each a must brake along its own heading so as not to run into b, (*S,), m/s2.

    b keeps its velocity; a brakes evenly until it stands, and does not steer. Seen from a: b's nearest face is g metres
    ahead of a's front and moves along at u, a at v, and b is in a's way until it leaves a's width at t. Then a must

    * have b's speed when the gap is used up: (v - u)^2 / (2 g); or, if b comes towards it, stand by then:
      v (v - 2 u) / (2 g);
    * unless b is gone before: at t, a need only not have reached it: 2 (v - u - g / t) / t.

    0 where no contact is to come; inf in contact, or where braking does not help: b comes from beside or behind.
    Nobody's reaction time is in it. Boxes turned against each other are taken by their extent along and across a.
    Source of the notion: M. Brannstrom, J. Sjoberg, E. Coelingh, A situation and threat assessment algorithm for a
    rear-end collision avoidance system, IEEE Intelligent Vehicles Symposium 2008; the formulas are motion at constant
    acceleration, solved for the three cases.
    """
    found = strips(a, b)
    own_mps = (a.velocity_mps * a.axes[..., 0, :]).sum(-1)
    gap_m = found.offset_m[..., 0] - found.reach_m[..., 0]
    closing = -found.rate_mps[..., 0]
    side_m, drift = found.offset_m[..., 1], found.rate_mps[..., 1]
    with np.errstate(all="ignore"):
        leaves_s = (np.copysign(found.reach_m[..., 1], drift) - side_m) / drift
        gone_s = np.where(np.abs(drift) < STILL_MPS, math.inf, leaves_s)
        towards = closing > own_mps  # u < 0
        stop = np.where(towards, own_mps * (2.0 * closing - own_mps), closing**2) / (2.0 * gap_m)
        met_s = 2.0 * gap_m / np.where(towards, 2.0 * closing - own_mps, closing)
        wait = 2.0 * (closing - gap_m / gone_s) / gone_s
        needed = np.where(gone_s < met_s, np.maximum(wait, 0.0), stop)
    helps = (gap_m > 0.0) & (own_mps > 0.0)
    meets = np.isfinite(times_to_collision_s(a, b))
    return np.where(meets, np.where(helps, needed, math.inf), 0.0)


def deceleration_to_avoid_crash_mps2(a: Footprint, b: Footprint) -> float:
    """DRAC of one pair; see `decelerations_to_avoid_crash_mps2`."""
    return float(decelerations_to_avoid_crash_mps2(Footprints.of([a]), Footprints.of([b]))[0])


def required_deceleration_mps2(a: Footprint, b: Footprint) -> float:
    """How hard a must brake because of b; see `required_decelerations_mps2`."""
    return float(required_decelerations_mps2(Footprints.of([a]), Footprints.of([b]))[0])


def required_lateral_mps2(a: Footprint, b: Footprint) -> float:
    """The steady sideways acceleration (m/s2, left or right of a's heading) that has a beside b when they would touch.

    2 d / TTC^2, d the shift that takes the two apart across a's heading at that instant, to the nearer side. 0 where no
    contact is to come; inf in contact.
    What a steering threat number sets against what tyres give, as the brake threat number does with braking.
    """
    ones = Footprints.of([a]), Footprints.of([b])
    ttc = float(times_to_collision_s(*ones)[0])
    if not 0.0 < ttc < math.inf:
        return math.inf if ttc == 0.0 else 0.0
    found = strips(*ones)
    side_m = float(found.offset_m[0, 1] + found.rate_mps[0, 1] * ttc)
    return 2.0 * max(float(found.reach_m[0, 1]) - abs(side_m), 0.0) / ttc**2


def brake_threat_number(required_mps2: float, available_mps2: float) -> float:
    """Required over available deceleration, no unit: above 1, braking alone comes too late.

    Source of the notion: as `required_decelerations_mps2`.

    Args:
        required_mps2: such as `required_deceleration_mps2` gives; inf stays inf.
        available_mps2: the hardest braking that road and tyres give.

    Raises:
        ValueError: if nothing is available.
    """
    if not available_mps2 > 0.0:
        raise ValueError(f"available_mps2 = {available_mps2}; want more than 0")
    return required_mps2 / available_mps2
