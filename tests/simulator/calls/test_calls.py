"""Every call of CARLA 0.9.16 is answered: done, which a second client sees, or refused by name."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.handlers import CALLS, answerer
from av_synth.simulator.protocol.handlers.unsupported import TABLE
from tests.simulator.calls import observations
from tests.simulator.calls.carla_calls import CARLA_CALLS

REFUSED = sorted(TABLE.calls)


@pytest.mark.parametrize("call", observations.every())
def test_a_second_client_sees_what_a_call_did(pair, call):
    observations.every()[call].run(pair)


def test_every_call_of_carla_is_answered_and_no_other():
    assert set(CALLS) == CARLA_CALLS


def test_what_is_not_refused_is_observed_and_what_is_refused_is_not():
    assert set(observations.every()) == set(CALLS) - set(REFUSED)


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_refused_is_an_error_that_names_the_call(clients, call):
    with pytest.raises(RuntimeError, match=rf"^{call}: not supported by the embedded simulator: \w+"):
        clients.wire.ask(call)


def test_the_official_client_raises_what_is_refused(pair):
    with pytest.raises(
        RuntimeError, match=r"^get_bones_transform: not supported by the embedded simulator: its people"
    ):
        pair.walker().get_bones()


def test_a_refusal_that_the_client_does_not_wait_for_is_told_once_by_the_simulator(caplog):
    answer = answerer(Engine.__new__(Engine))  # what is refused asks nothing of it

    for waits in (True, False, False):
        answer("show_vehicle_debug_telemetry", [[not waits], 1, True])
    answer("clear_debug_string", [[True]])

    told = [record.getMessage() for record in caplog.records]
    assert [message.partition(":")[0] for message in told] == ["show_vehicle_debug_telemetry", "clear_debug_string"]


def test_a_mistake_in_an_argument_is_told_too_and_another_one_once_more(caplog):
    engine = Engine.__new__(Engine)
    engine.lock = nullcontext()  # all that it is asked for before the arguments are read
    answer = answerer(engine)

    for weather in ([math.nan] * 14, [math.inf] * 14, [0.0] * 3, ["dull"] * 14):
        answer("set_weather_parameters", [[True], weather])
    answer("set_weather_parameters", [[False], [[]] * 14])  # is heard

    told = [record.getMessage() for record in caplog.records]
    assert [message.partition(":")[0] for message in told] == ["set_weather_parameters"] * 3
    assert [wrong in message for wrong, message in zip(("nan", "array of 14", "dull"), told, strict=True)] == [True] * 3
