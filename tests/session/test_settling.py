"""Whether somebody has come to rest, by where they were at the last three frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from av_synth.errors import UnsettledError
from av_synth.geometry.transforms import rigid
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.session.settling import SETTLE_S, Settling

TICK_US = 50_000
ZERO = np.zeros(3)


def states(
    place: Callable[[float], Sequence[float]], *, parked: bool = False, seconds: float = 2.0
) -> list[WorldState]:
    """Of one actor that is at a place (3,) at each time in seconds, and says that it has no speed."""
    info = ActorInfo(7, "vehicle.audi.a2", "van", "vehicle.car", ZERO, np.array([4.0, 2.0, 1.5]), parked)
    found = []
    for frame in range(round(seconds * 1e6 / TICK_US) + 1):
        pose = rigid(np.eye(3), place(frame * TICK_US * 1e-6))
        found.append(WorldState(frame, 0, {7: ActorState(pose, ZERO, ZERO, ZERO)}, {7: info}))
    return found


def settled_after(seen: list[WorldState], standing: Sequence[int] = ()) -> int:
    """How many frames are looked at."""
    settling = Settling(TICK_US, standing)
    return next(number for number, state in enumerate(seen, 1) if settling.settled(state))


def test_who_stands_and_who_drives_up_a_slope_are_settled_at_the_fifth_frame():
    assert settled_after(states(lambda _: (3.0, 4.0, 0.1)), [7]) == 5
    assert settled_after(states(lambda time_s: (10.0 * time_s, 0.0, 0.8 * time_s))) == 5


def test_who_falls_is_waited_for_until_the_ground_is_reached():
    fall = states(lambda time_s: (0.0, 0.0, max(0.35 - 4.905 * time_s**2, 0.0)))

    assert settled_after(fall) == 11  # down at 0.27 s, and then still for four ticks


def test_who_is_parked_is_where_it_was_put():
    assert settled_after(states(lambda time_s: (0.0, 0.0, -5.0 * time_s), parked=True)) == 1


@pytest.mark.parametrize(
    ("place", "standing", "what"),
    [
        (lambda time_s: (0.0, 0.0, 50.0 - 4.905 * time_s**2), [], r"falls at 1\d\.\d\d m/s"),
        (lambda time_s: (0.2 * time_s, 0.0, 0.0), [7], r"rolls at 0\.20 m/s"),
        (lambda time_s: (9.0 * time_s, 0.0, 0.04 * np.cos(12.0 * time_s)), [], r"rocks at \d\.\d m/s2"),
    ],
    ids=["falls", "rolls", "rocks"],
)
def test_who_does_not_come_to_rest_is_named_with_what_they_do(place, standing, what):
    settling = Settling(TICK_US, standing)

    with pytest.raises(UnsettledError, match=rf"^{SETTLE_S:.2f} s after .*: van \(actor 7\) {what}; want all at rest$"):
        any(settling.settled(state) for state in states(place))


def test_who_was_still_is_not_asked_again():
    braking = states(lambda time_s: (0.0, 0.0, 0.0 if time_s < 0.25 else 0.04 * np.sin(12.0 * time_s)))
    settling = Settling(TICK_US, [])

    assert [settling.settled(state) for state in braking[:8]] == [*[False] * 4, *[True] * 4]
