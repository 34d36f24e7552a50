"""Events in words, as pictures, lists and pages tell of them."""

import pytest

from av_synth.report.event_words import event_words


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({"weather": {"rain_mm_h": 30.0, "over_s": 3.0}}, "the weather changes over 3 s: rain 30 mm/h"),
        (
            {"weather": {"preset": "clear_night", "fog_density": 40.5}},
            "the weather changes: clear night, fog density 40.5",
        ),
        ({"weather": {}}, "the weather changes"),
        ({"signals": {"ego": "red", "left": "green"}}, "the lights change: ego red, left green"),
    ],
)
def test_what_changes_is_told_in_words(detail: dict[str, object], words: str) -> None:
    assert event_words({}, "trigger", 0, 0, detail) == words
