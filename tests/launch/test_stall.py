"""Slow or hung: what the times between ticks say, on a clock of our own."""

from __future__ import annotations

import pytest

from av_synth.launch import stall
from av_synth.launch.stall import Patience, Pulse, at_times


class Clock:
    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stall, "time", made)
    return made


def test_a_tick_may_take_its_time_and_no_longer(clock):
    pulse = Pulse(Patience(tick_s=30.0), clock.monotonic)
    pulse.tick(4, 10)
    clock.now_s += 30.0
    assert pulse.why_stalled() is None
    clock.now_s += 0.1
    assert pulse.why_stalled() == "has not got beyond frame 4 of 10 for 30 s"


def test_who_ticks_slowly_is_given_twenty_times_as_long(clock):
    pulse = Pulse(Patience(tick_s=1.0), clock.monotonic)
    for done in range(5):
        pulse.tick(done, 10)
        clock.now_s += 10.0
    clock.now_s += 189.0
    assert pulse.why_stalled() is None
    clock.now_s += 2.0
    assert pulse.why_stalled() == "has not got beyond frame 4 of 10 for 201 s"


def test_the_beginning_and_the_end_have_limits_of_their_own(clock):
    pulse = Pulse(Patience(begin_s=100.0, tick_s=1.0, end_s=50.0), clock.monotonic)
    clock.now_s += 99.0
    assert pulse.why_stalled() is None
    clock.now_s += 2.0
    assert pulse.why_stalled() == "has not begun to play for 101 s"
    pulse.tick(10, 10)
    clock.now_s += 49.0
    assert pulse.why_stalled() is None
    clock.now_s += 2.0
    assert pulse.why_stalled() == "has not committed what it had played for 51 s"
    pulse.begin()
    assert pulse.why_stalled() is None


def test_progress_is_passed_on_once_a_second_and_at_the_last_frame(clock):
    told: list[int] = []
    tell = at_times(lambda done, _of: told.append(done))
    for done in range(1, 36):
        tell(done, 35)
        clock.now_s += 0.1
    assert told == [1, 11, 21, 31, 35]
