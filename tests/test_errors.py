"""The tree of errors: what the docstring draws is what there is, and each error crosses a process border whole."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from av_synth import errors
from av_synth.errors import AvSynthError, DocumentError, Problem, SensorMissError

CLASSES = {name: found for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)}
ARGUMENTS = {
    DocumentError: (
        [Problem("scenarios/left.yaml:14", "weather.rain_mm_h", "got -3; want 0 to 50"), Problem("", "", "x")],
    ),
    SensorMissError: ("CAM_FRONT", 41, "did not come within 60 s"),
}


def drawn() -> dict[str, tuple[str | None, int]]:
    """Parent and exit code of every class in the docstring's tree; a branch exits as what it hangs on does."""
    found: dict[str, tuple[str | None, int]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        entry = re.match(r"[ │├└─]*?(\w+Error)\b", line)
        if entry is None or not line.startswith("    "):
            continue
        depth = entry.start(1)
        above = [each for each in above if each[0] < depth]
        parent = above[-1][1] if above else None
        said = re.search(r"exit (\d)", line)
        inherited = found[parent][1] if parent else 1
        found[entry[1]] = (parent, int(said[1]) if said else inherited)
        above.append((depth, entry[1]))
    return found


def made(kind: type[AvSynthError]) -> AvSynthError:
    return kind(*ARGUMENTS.get(kind, (f"{kind.__name__}: where; what it got; what it wanted",)))


def test_the_tree_in_the_docstring_names_every_class_under_its_parent():
    assert {name: parent for name, (parent, _) in drawn().items()} == {
        name: None if found is AvSynthError else found.__base__.__name__ for name, found in CLASSES.items()
    }


def test_exit_codes_are_those_of_the_tree():
    assert {name: code for name, (_, code) in drawn().items()} == {
        name: found.exit_code for name, found in CLASSES.items()
    }


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_an_error_survives_a_process_border_with_its_message_and_all_it_carries(kind):
    error = made(kind)
    back = pickle.loads(pickle.dumps(error))

    assert type(back) is kind
    assert str(back) == str(error)
    assert str(error)
    assert vars(back) == vars(error)
    assert (back.args, back.exit_code) == (error.args, error.exit_code)


def test_a_document_error_says_every_problem_on_a_line_of_its_own():
    assert str(made(DocumentError)).splitlines() == [
        "scenarios/left.yaml:14: weather.rain_mm_h: got -3; want 0 to 50",
        "x",
    ]


def test_a_sensor_miss_names_the_sensor_and_the_frame():
    assert str(made(SensorMissError)) == "CAM_FRONT: frame 41: did not come within 60 s"
