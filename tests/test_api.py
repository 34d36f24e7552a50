"""`import av_synth`: what a program may rely on, and that the page says just that."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import av_synth
from av_synth import api, errors
from tests.export.synthetic_run import build_run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "how-to" / "python.md").read_text()
PROMISED = [name for name in av_synth.__all__ if name != "__version__"]
FUNCTIONS = [name for name in PROMISED if inspect.isroutine(getattr(av_synth, name))]


def test_importing_the_package_loads_nothing_of_it_and_nothing_large():
    ask = "import sys, json; import av_synth; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)

    assert [name for name in loaded if name.startswith("av_synth")] == ["av_synth"]
    assert {"carla", "cv2", "numpy", "pyarrow", "pydantic", "ray"} & set(loaded) == set()


def test_the_names_that_are_given_are_those_of_the_api_for_programs_and_for_type_checkers():
    tree = ast.parse((ROOT / "av_synth" / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "av_synth.api"]

    assert sorted(alias.name for node in imports for alias in node.names) == PROMISED == api.__all__ == sorted(PROMISED)
    assert set(PROMISED) <= set(dir(av_synth))
    with pytest.raises(AttributeError, match="module 'av_synth' has no attribute 'make_rum'"):
        _ = av_synth.make_rum


def test_no_name_is_that_of_a_module_which_would_take_its_place_when_it_is_imported():
    modules = {path.stem for path in (ROOT / "av_synth").iterdir()}

    assert modules & set(PROMISED) == set()


def test_the_page_has_every_function_with_its_arguments_and_every_value_with_what_it_has():
    def told(name: str) -> str:
        signature = inspect.signature(getattr(av_synth, name))
        bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
        return f"{name}{signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)}"

    functions = re.findall(r"^\| `(\w+\(.*?\))` \|", PAGE, re.MULTILINE)
    values = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))

    assert functions == [told(name) for name in sorted(FUNCTIONS, key=lambda name: PAGE.index(f"| `{name}("))]
    assert sorted(values) == sorted(set(PROMISED) - set(FUNCTIONS))
    for name, text in values.items():
        kind = getattr(av_synth, name)
        outside = re.sub(r"\(.*?\)(?=[,;]|$)", "", text) if name != "Run" else text
        known = {*dir(kind), *getattr(kind, "__dataclass_fields__", ())}
        assert set(re.findall(r"`([a-z]\w*)(?:\(\w*\))?`", outside)) - {"open_simulator"} <= known, name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_tells_what_each_argument_is_also_to_type_checkers(name):
    function = inspect.unwrap(getattr(av_synth, name))
    hints = get_type_hints(function)
    described = re.findall(
        r"^    (\w+): ", inspect.getdoc(function).partition("Args:")[2].partition("Raises:")[0], re.M
    )

    assert set(hints) == {*inspect.signature(function).parameters, "return"}
    assert Any not in hints.values()
    assert described == [] or described == list(inspect.signature(function).parameters)
    assert len(described) > 0 or len(inspect.signature(function).parameters) < 2


def test_what_cannot_be_is_an_error_of_the_one_tree_that_says_what_was_wanted(tmp_path):
    with pytest.raises(av_synth.AvSynthError, match="got 'cut_in_wte'; did you mean 'cut_in_wet'"):
        av_synth.load_scenario("cut_in_wte")
    with pytest.raises(errors.DocumentError, match="rain_mm_h: got 99; want"):
        av_synth.draw("cut_in_wet", values={"rain_mm_h": 99})
    with pytest.raises(errors.UserError, match="there is no such folder"):
        av_synth.open_run(tmp_path / "none")
    map_of_ones_own = tmp_path / "own.xodr"
    map_of_ones_own.touch()
    drawn = av_synth.draw("cut_in_wet", town=str(map_of_ones_own))
    map_of_ones_own.unlink()
    with pytest.raises(errors.DocumentError, match=r"^road\.town: got .* there is no file .*own\.xodr"):
        av_synth.make_run(drawn, rig="tiny", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: av_synth.load_scenario(5), "scenario: got 5; want a name or a path, as text or pathlib.Path"),
        (lambda: av_synth.load_rig(None), "rig: got None; want a name or a path, as text or pathlib.Path"),
        (lambda: av_synth.draw(5), "scenario: got 5; want a name or a path, as text or pathlib.Path"),
        (lambda: av_synth.draw("cut_in_wet", seed="a"), "seed: got 'a'; want a whole number, 0 or more"),
        (lambda: av_synth.draw("cut_in_wet", seed=1.5), "seed: got 1.5; want a whole number, 0 or more"),
        (lambda: av_synth.draw("cut_in_wet", without="van"), "without: got 'van'; want a list of names, as in ['van']"),
        (
            lambda: av_synth.make_run("cut_in_wet", rig="tiny", out="out"),
            "scenario: got 'cut_in_wet'; want a draw of a scenario: av_synth.draw(scenario, seed=0)",
        ),
        (
            lambda: av_synth.make_run(av_synth.load_scenario("cut_in_wet"), rig="tiny", out="out"),
            "scenario: got the scenario 'cut_in_wet'; want a draw of a scenario: av_synth.draw(scenario, seed=0)",
        ),
        (lambda: av_synth.open_run(5), "path: got 5; want a path, as text or pathlib.Path"),
        (lambda: av_synth.verify_dataset(5), "dataset: got 5; want a path, as text or pathlib.Path"),
    ],
)
def test_an_argument_of_another_kind_is_told_with_what_is_wanted(call, told):
    with pytest.raises(errors.UserError) as refused:
        call()

    assert str(refused.value) == told


def test_values_are_numbers_or_texts_with_a_unit_and_fix_what_would_be_drawn():
    scenario = av_synth.load_scenario(av_synth.load_scenario("cut_in_wet").document.where)
    as_drawn = av_synth.draw(scenario, seed=3)
    given = av_synth.draw(scenario, seed=3, values={"ego_speed_kmh": "14 m/s", "cutter": "truck"})

    assert given.parameters["ego_speed_kmh"] == pytest.approx(50.4)
    assert given.parameters == {**as_drawn.parameters, "ego_speed_kmh": given.parameters["ego_speed_kmh"]} | {
        "cutter": "truck"
    }


def test_a_store_is_opened_exported_with_options_and_verified(tmp_path):
    build_run(tmp_path, 0)
    run = av_synth.open_run(str(tmp_path))
    dataset = av_synth.export_dataset(str(tmp_path), options={"profile": "compat"}, dataset=tmp_path / "there")
    coco = av_synth.export_dataset(tmp_path, format="coco", options={"min_pixels": 10})

    assert run.folder == tmp_path / "runs" / run.run_id
    assert dataset == tmp_path / "there"
    assert (dataset / "v1.0-mini" / "scene.json").is_file()
    assert coco == tmp_path / "coco"
    assert av_synth.verify_dataset(str(dataset)).ok
