"""The end of a process in words."""

from __future__ import annotations

import pytest

from av_synth.launch.exits import how_it_ended


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "ended with exit status 0"),
        (7, "ended with exit status 7"),
        (-11, "was ended by signal 11 (SIGSEGV)"),
        (-40, "was ended by signal 40 (unknown)"),
        (-9, "was ended by signal 9 (SIGKILL; the kernel does that where memory runs out)"),
    ],
)
def test_the_end_of_a_process_is_told_with_its_status_or_the_name_of_its_signal(code: int, said: str) -> None:
    assert how_it_ended(code) == said
