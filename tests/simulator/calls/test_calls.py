"""Every call of CARLA 0.9.16 is answered: done, which a second client sees, or refused by name."""

from __future__ import annotations

import pytest

from av_synth.simulator.protocol.handlers import CALLS
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
