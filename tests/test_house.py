"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from av_synth import errors, scenario

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "av_synth").rglob("*.py"))
LEFT_HANDED = ("av_synth/geometry/carla.py", "av_synth/simulator/protocol/")
WRITTEN = [
    path
    for folder in ("av_synth", "tests", "tools", "docs", "examples", "scenarios", "sensors", "configs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".md", ".yaml", ".toml", ".glsl", ".vert", ".frag")
] + [ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile", "pyproject.toml")]

# How CARLA's left-handed degrees would get in. np.roll moves arrays; transforms.yaw is ours, in radians.
LEFT_HAND = re.compile(
    r"carla\.(Rotation|Location|Vector3D|Transform)\("  # made of numbers
    r"|(?<!np)(?<!transforms)\.(yaw|pitch|roll)\b"  # degrees, read
    r"|-\s*(?:[a-z_]\w*\.)+y\b"  # a mirror by hand
    r"|\[\s*1(\.0)?,\s*-1(\.0)?,\s*1(\.0)?\s*\]\)"  # a mirror as an array of its own
    r"|\b(carla_from_matrix|matrix_from_carla)\b"  # the conversions by numbers
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield f"{name_of(path)}:{number}", line


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def words(path: Path) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", path.read_text()))


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_carlas_left_hand_and_degrees_are_in_one_module_and_the_protocol():
    found = [
        f"{where}: {line.strip()}"
        for path in SOURCES
        if not name_of(path).startswith(LEFT_HANDED)
        for where, line in lines(path)
        if LEFT_HAND.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "carla.Transform(carla.Location(*location), turn)",
        "heading = actor.get_transform().rotation.yaw",
        "y = -transform.location.y",
        "points * np.array([1.0, -1.0, 1.0])",
        "matrix_from_carla([x, y, z])",
    ],
)
def test_the_rule_knows_the_left_hand_when_it_sees_it(line):
    assert LEFT_HAND.search(line)


@pytest.mark.parametrize("line", ["np.roll(y, -1)", "transforms.yaw(pose)", "def f(at: carla.Transform) -> Array:"])
def test_the_rule_lets_pass_what_is_ours(line):
    assert not LEFT_HAND.search(line)


def test_no_module_is_longer_than_400_lines():
    assert len(SOURCES) > 100
    assert [name_of(path) for path in SOURCES if len(path.read_text().splitlines()) > 400] == []


def test_a_function_or_constant_that_only_its_own_file_uses_is_private():
    files = [path for folder in ("av_synth", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    users = Counter(word for path in files for word in words(path))
    calls = ROOT / "av_synth/simulator/protocol/handlers"  # their names are those of CARLA's calls
    found = [
        f"{name_of(path)}: {name}"
        for path in SOURCES
        if path.parent != calls
        for node in nodes(path)[0].body
        for name in made_by(node)
        if not name.startswith("_") and users[name] == 1
    ]

    assert found == []


def made_by(node: ast.stmt) -> list[str]:
    """The function or the constants that a statement defines; what has a decorator may be called by that."""
    if isinstance(node, ast.FunctionDef):
        return [] if node.decorator_list else [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return [name.id for name in names if name.id.isupper()]


@pytest.mark.parametrize(
    ("contract", "left_out"),
    [
        ("the verifier shares no code with the writer", {"errors"}),
        (
            "the simulator knows geometry, sensing and recordings, and nothing of the toolkit",
            {"errors", "geometry", "sensing", "recording"},
        ),
        # the doors to the simulator, and what imports nothing or is imported by all
        ("the toolkit reaches the simulator over the wire only", {"api", "cli", "errors", "launch"}),
    ],
)
def test_a_package_that_is_new_is_in_every_contract_on_imports(contract, left_out):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = [each for each in contracts if each["name"] == contract]
    told = {name.removeprefix("av_synth.") for name in (*found["source_modules"], *found["forbidden_modules"])}
    modules = (*(ROOT / "av_synth").glob("*.py"), *(path.parent for path in (ROOT / "av_synth").glob("*/__init__.py")))

    assert {path.stem for path in modules} - told == {"__init__"} | left_out


def test_no_two_files_import_each_other():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}
    graph = {
        name: {
            target
            for node in nodes(path)
            for base in imported(node)
            for target in [base, *(f"{base}.{alias.name}" for alias in getattr(node, "names", []))]
            if target in modules and target != name
        }
        for name, path in modules.items()
    }

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_library_prints_nothing_and_leaves_no_process_but_by_the_doors_made_for_it():
    for path in SOURCES:
        calls = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
        names = {func.id for func in calls if isinstance(func, ast.Name)}
        assert not names & {"print", "breakpoint", "input", "eval", "exec", "exit", "quit"}, name_of(path)


@pytest.mark.parametrize(
    ("library", "files"),
    [
        ("ray", ["farm/workers/ray_farm.py"]),
        ("scipy", ["grade/resampling.py", "replay/carla_recorder/resample.py", "scenario/designs.py"]),
    ],
)
def test_what_takes_long_to_import_is_imported_in_few_files_and_only_when_it_is_used(library, files):
    found = {
        (name_of(path), node.col_offset > 0)
        for path in SOURCES
        for node in nodes(path)
        for name in imported(node)
        if name.partition(".")[0] == library
    }

    assert found == {(f"av_synth/{file}", True) for file in files}


def test_nothing_is_left_for_later_and_nothing_names_a_machine():
    later = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")))
    here = re.compile(f"{re.escape(str(ROOT))}|{re.escape(str(Path.home()))}/")
    found = [where for path in WRITTEN for where, line in lines(path) if later.search(line) or here.search(line)]

    assert found == []


def test_files_that_documents_name_exist():
    named = re.compile(r"`((?:docs|scenarios|sensors|configs|tools|av_synth|tests)/[\w./-]+\.\w+|[a-z_]+/[\w/]+\.py)`")
    found = [
        (where, target)
        for path in WRITTEN
        if path.suffix == ".md"
        for where, line in lines(path)
        for target in named.findall(line)
    ]

    assert [item for item in found if not any((root / item[1]).exists() for root in (ROOT, ROOT / "av_synth"))] == []


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_draws_twenty_seeds_which_are_not_all_the_same(name):
    loaded = scenario.load(name)
    draws = [scenario.draw(loaded, seed) for seed in range(20)]

    assert len({(*sorted(draw.parameters.items()), *sorted(draw.picks.items())) for draw in draws}) > 10
    assert draws == [scenario.draw(loaded, seed) for seed in range(20)]


def test_every_error_stands_in_the_tree_at_the_top_with_its_exit_status():
    def below(error: type[Exception]) -> Iterator[type[errors.AvSynthError]]:
        for child in error.__subclasses__():
            yield child
            yield from below(child)

    tree = (errors.__doc__ or "").splitlines()
    depth: list[tuple[int, int]] = []
    told = {}
    for line in tree:
        found = re.match(r"(\W*)(\w+Error)\b", line)
        if found:
            stated = re.search(r"exit (\d)", line)
            depth = [(column, code) for column, code in depth if column < len(found[1])]
            code = int(stated[1]) if stated else (depth[-1][1] if depth else 1)
            depth.append((len(found[1]), code))
            told[found[2]] = code
    # the simulator, a program of its own, has others for what it answers to its clients
    ours = [error for error in below(errors.AvSynthError) if not error.__module__.startswith("av_synth.simulator.")]

    assert told == {"AvSynthError": 1} | {error.__name__: error.exit_code for error in ours}
    assert {error.__module__ for error in ours} == {errors.__name__}


def test_dependencies_come_from_the_package_index_by_name():
    text = (ROOT / "pyproject.toml").read_text() + (ROOT / "tools" / "requirements.in").read_text()

    assert re.findall(r"^.*(?:git\+| @ |--index-url|--extra-index-url|file:).*$", text, re.MULTILINE) == []
