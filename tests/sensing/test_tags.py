"""Classes of surfaces have CARLA's numbers, under one name for simulator and sensing."""

import ast
from pathlib import Path

import carla

from av_synth import sensing
from av_synth.sensing.tags import Tag


def test_the_numbers_are_those_of_carlas_own_client() -> None:
    theirs = {name.replace("_", "").lower(): int(value) for name, value in carla.CityObjectLabel.names.items()}
    assert theirs.pop("any") == 255
    assert {tag.name.replace("_", "").lower(): int(tag) for tag in Tag} == theirs


def test_no_table_of_sensing_is_keyed_by_bare_numbers_of_classes() -> None:
    for path in Path(sensing.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict) and len(node.keys) > 1:
                bare = [key for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, int)]
                assert not bare, f"{path.name}:{node.lineno}: keys are numbers; want names of Tag"
