"""`make coverage` fails where the tests run too little of the package."""

from __future__ import annotations

from tools.covered import shortfalls


def test_the_whole_and_every_file_that_fall_short_are_named_and_nothing_else_is():
    ran = {"full.py": (96, 100), "half.py": (2, 4), "just.py": (3, 4), "empty.py": (0, 0)}

    assert shortfalls(ran, 93.0) == ["half.py: 2 of 4 lines; want 75 %"]
    assert shortfalls(ran, 94.0) == ["half.py: 2 of 4 lines; want 75 %", "all: 101 of 108 lines; want 94 %"]
    assert shortfalls({"full.py": (1, 1), "empty.py": (0, 0)}, 100.0) == []
