"""The judgement of failures, on times of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.farm.dispatch.policy import CHARGED, Breaker, Pause, Places, Quarantine, Retry, Rules, after, charged
from av_synth.farm.model import Failure, FailureClass

RULES = Rules()
RUN = "80000000" + "0" * 12  # its jitter is 1
CRASH = Failure(FailureClass.TRANSIENT, "ConnectionLostError", "the simulator died")
FULL = Failure(FailureClass.ENVIRONMENTAL, "StoreError", "no space left")
ENDED = Failure(FailureClass.CANCELLED, "cancelled", "by us")


def nan(message: str = "NaN in frame 12") -> Failure:
    return Failure(FailureClass.DETERMINISTIC, "DataError", message)


def test_what_is_transient_is_tried_three_times_with_growing_pauses_and_elsewhere():
    assert after(RUN, [CRASH], RULES) == Retry(2.0, elsewhere=True)
    assert after(RUN, [CRASH] * 2, RULES) == Retry(8.0, elsewhere=True)
    given_up = after(RUN, [CRASH] * 3, RULES)
    assert isinstance(given_up, Quarantine)
    assert given_up.why == "3 attempts failed, the last with ConnectionLostError"


def test_pauses_of_different_runs_differ_by_half_at_most_and_are_always_the_same():
    pauses = [after(f"{number:08x}" + "0" * 12, [CRASH], RULES) for number in range(0, 2**32, 2**28)]
    assert len(set(pauses)) == 16
    assert all(isinstance(one, Retry) and 1.0 <= one.after_s <= 3.0 for one in pauses)


def test_what_is_deterministic_is_confirmed_once_at_once_and_elsewhere():
    assert after(RUN, [nan()], RULES) == Retry(0.0, elsewhere=True)
    # numbers of a message may be of this attempt: times, ports, ids
    assert isinstance(after(RUN, [nan(), nan("NaN in frame 13")], RULES), Quarantine)
    assert isinstance(after(RUN, [nan(), CRASH, nan()], RULES), Quarantine)


def test_two_deterministic_failures_that_are_not_alike_confirm_nothing():
    other = Failure(FailureClass.DETERMINISTIC, "CastError", "NaN in frame 12")
    assert after(RUN, [nan(), nan("no ground below")], RULES) == Retry(0.0, elsewhere=True)
    assert after(RUN, [nan(), other], RULES) == Retry(0.0, elsewhere=True)
    assert isinstance(after(RUN, [nan(), other, nan("no ground below")], RULES), Quarantine)


def test_what_is_environmental_or_cancelled_costs_nothing_however_often_it_comes():
    assert after(RUN, [FULL] * 50, RULES) == Pause("StoreError: no space left")
    assert after(RUN, [ENDED] * 50, RULES) == Retry(0.0, elsewhere=False)
    assert after(RUN, [FULL, CRASH, FULL, ENDED, CRASH], RULES) == Retry(8.0, elsewhere=True)


@given(st.lists(st.sampled_from([CRASH, FULL, ENDED, nan(), nan("other"), nan("again")]), max_size=60))
def test_no_run_is_charged_more_than_three_attempts_and_each_that_is_charged_thrice_is_given_up(failures):
    so_far: list[Failure] = []
    for failure in failures:
        so_far.append(failure)
        what = after(RUN, so_far, RULES)
        if isinstance(what, Quarantine):
            assert failure.kind in CHARGED
            break
    else:
        assert charged(so_far) < RULES.attempts
    assert charged(so_far) <= RULES.attempts


def test_the_breaker_falls_when_more_than_a_fifth_of_the_last_fifty_charged_attempts_failed():
    breaker = Breaker(RULES)
    for _ in range(10):
        breaker.count(CRASH)
        breaker.count(FULL)
        breaker.count(ENDED)
    for _ in range(39):
        breaker.count(None)
    assert breaker.why() is None  # 49 attempts
    breaker.count(None)
    assert breaker.why() is None  # 10 of 50
    for _ in range(10):
        breaker.count(nan())
    assert breaker.why() is None  # the first ten are forgotten
    breaker.count(CRASH)
    assert breaker.why() == (
        "11 of the last 50 attempts failed, the last with ConnectionLostError: the simulator died; see their logs"
    )


def test_the_breaker_forgets_what_was_the_fault_of_a_place_that_is_taken_out():
    breaker = Breaker(RULES)
    for number in range(60):
        breaker.count(CRASH if number % 2 else None, ["a", 1] if number % 4 == 1 else ["b", 2])
    assert breaker.why() is not None
    breaker.forget("a")
    assert breaker.why() is None
    for _ in range(12):
        breaker.count(None)
    assert breaker.why() is not None  # 12 or so of b in the last 50


def test_a_place_is_in_doubt_while_three_of_its_failed_runs_have_not_been_tried_elsewhere():
    places = Places(RULES)
    assert not places.doubtful("a")
    for number in range(3):
        assert not places.doubtful("a")
        places.failed("a", f"run {number}", 0.0)
    assert places.doubtful("a")
    places.tried(["a", 1], "run 0")  # the same place says nothing new
    assert places.doubtful("a")
    places.tried(["b", 2], "run 0")
    assert not places.doubtful("a")


def test_a_place_whose_environment_fails_is_left_alone_for_longer_and_longer_until_something_is_committed_there():
    places, now_s = Places(RULES), 0.0
    for expected_s in (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0):
        assert places.usable("a", now_s)
        assert places.pause("a", "full", now_s) == expected_s
        assert places.pause("a", "full", now_s + expected_s / 2.0) is None  # others that were at work there
        assert not places.usable("a", now_s + expected_s - 0.1)
        assert places.usable("b", now_s)
        now_s += expected_s
    assert places.why("a") == "full"  # it is on trial
    places.advanced("a", now_s)
    assert places.why("a") == ""
    assert places.pause("a", "full", now_s) == 300.0  # it had not come so far as to commit
    now_s += 300.0
    assert places.committed(["a", 0], RUN, now_s) == []
    assert places.pause("a", "full", now_s) == 5.0


def test_frames_of_a_run_that_began_before_do_not_end_a_pause():
    places = Places(RULES)
    places.pause("a", "full", 0.0)
    places.advanced("a", 1.0)
    places.committed(["a", 0], RUN, 2.0)
    assert not places.usable("a", 3.0)


def test_a_place_is_taken_out_when_three_runs_failed_there_that_succeeded_elsewhere():
    places = Places(RULES)
    for number in range(3):
        assert places.failed("a", f"run {number}", 0.0) is None
    assert places.committed(["b", 1], "run 0", 1.0) == []
    assert places.committed(["b", 1], "run 0", 1.0) == []
    assert places.committed(["b", 1], "run 1", 1.0) == []
    ((where, why, for_s),) = places.committed(["b", 1], "run 2", 1.0)
    assert (where, for_s) == ("a", 600.0)
    assert why == "3 runs failed there that succeeded elsewhere, and none succeeded there"
    assert not places.usable("a", 600.9)
    assert places.usable("b", 600.9)


def test_a_run_that_fails_everywhere_and_a_place_where_others_succeed_are_not_blamed_on_each_other():
    places = Places(RULES)
    for number in range(30):
        places.failed("a", f"run {number}", 0.0)
        places.failed("b", f"poison {number}", 0.0)
        if number % 2:
            places.committed(["a", 0], f"good {number}", 0.0)
        places.committed(["b", 1], f"run {number}", 0.0)
    assert places.usable("a", 0.0)
    assert places.usable("b", 0.0)


def test_a_place_that_is_out_comes_back_with_one_good_run_and_goes_for_twice_as_long_with_a_bad_one():
    places = Places(RULES)
    for number in range(3):
        places.failed("a", f"run {number}", 0.0)
        places.committed(["b", 1], f"run {number}", 0.0)
    assert places.failed("a", "late", 10.0) is None  # it was at work there before
    places.advanced("a", 600.0)
    assert places.why("a")  # recorded frames prove nothing: its runs fail later
    assert places.failed("a", "canary", 600.0) == 1200.0
    assert not places.usable("a", 1799.0)
    assert places.usable("a", 1800.0)
    places.committed(["a", 0], "canary 2", 1800.0)
    assert places.why("a") == ""
    assert places.failed("a", "one more", 1900.0) is None


@pytest.mark.parametrize("where", ["a", 3])
def test_a_place_of_which_nothing_is_known_is_good(where):
    assert Places(RULES).usable(where, 0.0)
    assert Places(RULES).why(where) == ""
