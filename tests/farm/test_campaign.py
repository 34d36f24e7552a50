"""Campaign files: what they ask for, what is wrong with them, and the files that are kept of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_campaign import SHORT, campaign

from av_synth import scenario as scenarios
from av_synth.errors import DocumentError
from av_synth.farm.model import Recipe
from av_synth.farm.planning.campaign import Campaign, laid_out, load, names
from av_synth.farm.planning.document import MAX_RUNS
from av_synth.farm.planning.recipes import Desk
from av_synth.run import RunSpec
from av_synth.run.generate import plan
from av_synth.scenario.weather import PRESETS
from av_synth.search.campaign import Accepted, digest, hashes, save_campaign
from av_synth.search.campaign import Campaign as Draws
from av_synth.search.campaign import specs as specs_of_draws


def loaded(folder: Path, runs: str, more: str = "", scenario: str = SHORT) -> Campaign:
    return load(str(campaign(folder, runs, more, scenario)))


def recipes(folder: Path, runs: str, scenario: str = SHORT) -> list[Recipe]:
    return [recipe for _, recipe in loaded(folder, runs, scenario=scenario).recipes]


def drawn(found: Campaign) -> list[RunSpec]:
    with laid_out(found) as folder:
        desk = Desk(folder)
        return [desk.run(recipe) for _, recipe in found.recipes]


@pytest.mark.parametrize("name", names())
def test_every_built_in_campaign_can_be_read_and_its_first_run_of_each_entry_drawn(name):
    found = load(name)
    first = {entry: (entry, recipe) for entry, recipe in reversed(found.recipes)}

    assert found.document.name == name
    assert found.recipes
    drawn(replace(found, recipes=tuple(first.values())))


def test_the_demo_is_the_run_of_its_scenario_and_rig_and_may_be_seen_by_another():
    assert drawn(load("demo")) == [plan("pedestrian_runs_out", "nuscenes", 0, {})]
    assert drawn(load("demo", rig="tiny")) == [plan("pedestrian_runs_out", "tiny", 0, {})]


def test_seeds_are_a_list_or_so_many_from_one_on_and_the_same_run_is_asked_for_once(tmp_path):
    found = loaded(
        tmp_path,
        "  - {scenario: short.yaml, rig: none, seeds: [7, 3, 7]}\n"
        "  - {scenario: short.yaml, rig: none, seeds: {from: 2, count: 3}}\n"
        "  - {scenario: short.yaml, rig: tiny, seeds: {count: 1}}\n",
    )

    assert [(entry, one.seed, one.rig) for entry, one in found.recipes] == [
        *((0, seed, None) for seed in (7, 3)),
        *((1, seed, None) for seed in (2, 4)),
        (2, 0, "tiny.yaml"),
    ]
    assert found.lines == tuple(f"{found.path}:{line}" for line in (4, 5, 6))


def test_each_draw_is_played_in_each_weather_and_each_town(tmp_path):
    found = loaded(
        tmp_path,
        "  - {scenario: short.yaml, rig: none, seeds: [0, 1], towns: [AvSynth01, straight.xodr],\n"
        "     weather: [clear_night, {preset: cloudy_noon, fog_density: 30}]}\n",
    )
    specs = drawn(found)

    weathers = [PRESETS["clear_night"], replace(PRESETS["cloudy_noon"], fog_density=30.0)]
    assert [(one.scenario.seed, one.scenario.weather, Path(one.scenario.town).suffix) for one in specs] == [
        (seed, weather, town) for seed in (0, 1) for weather in weathers for town in ("", ".xodr")
    ]
    # the weather and the town change nothing else
    plain = scenarios.draw(scenarios.load(str(tmp_path / "short.yaml")), 1)
    again = replace(specs[-1].scenario, weather=plain.weather, town=None, road=plain.road)
    assert again == plain


def test_the_weather_of_a_campaign_has_its_own_sun_whatever_the_scenario_says_of_one_ahead(tmp_path):
    low_sun = "{scenario: camera_blinded_by_low_sun, rig: tiny, seeds: [0]"
    found = loaded(tmp_path, f"  - {low_sun}}}\n  - {low_sun}, weather: [clear_noon]}}\n")

    ahead, noon = (one.scenario for one in drawn(found))
    assert ahead.sun_bearing_deg is not None
    assert (noon.sun_bearing_deg, noon.weather) == (None, PRESETS["clear_noon"])


def test_a_grid_of_some_parameters_leaves_the_others_to_the_seed(tmp_path):
    design = "design: {grid: {gap_m: 3, ahead: [van]}}"
    found = loaded(tmp_path, f"  - {{scenario: short.yaml, rig: none, {design}, seeds: [5, 6]}}\n")
    specs = drawn(found)

    assert [dict(recipe.values) for _, recipe in found.recipes] == 2 * [
        {"gap_m": gap_m, "ahead": "van"} for gap_m in (10.0, 15.0, 20.0)
    ]
    speeds = [one.scenario.parameters["speed_kmh"] for one in specs]
    assert len(set(speeds[:3])) == 1
    assert len(set(speeds)) == 2


@pytest.mark.parametrize(
    ("design", "count"), [("grid: 3", 18), ("latin_hypercube: 7", 7), ("sobol: 8", 8), ("t_wise: 2", 9)]
)
def test_a_design_gives_every_parameter_a_value_and_what_is_set_by_hand_wins(tmp_path, design, count):
    free = recipes(tmp_path, f"  - {{scenario: short.yaml, rig: none, design: {{{design}}}}}\n")
    held = recipes(tmp_path, f"  - {{scenario: short.yaml, rig: none, design: {{{design}}}, set: {{gap_m: 12}}}}\n")

    assert len(free) == count
    assert all(set(one.values) == {"speed_kmh", "gap_m", "ahead"} for one in free)
    assert {one.values["gap_m"] for one in held} == {12.0}
    rest = [tuple(value for name, value in one.values.items() if name != "gap_m") for one in held]
    assert len(set(rest)) == len(rest)  # points that became one are one


def test_points_that_the_constraints_forbid_are_left_out_and_told(tmp_path):
    tied = SHORT.replace("road:", 'constraints: ["${gap_m > speed_kmh - 15}"]\nroad:')
    found = loaded(
        tmp_path, "  - {scenario: short.yaml, rig: none, design: {grid: {gap_m: 3, speed_kmh: 3}}}\n", scenario=tied
    )

    values = [(one.values["gap_m"], one.values["speed_kmh"]) for _, one in found.recipes]
    assert values == [(10.0, 20.0), (15.0, 20.0), (15.0, 25.0), (20.0, 20.0), (20.0, 25.0), (20.0, 30.0)]
    assert found.notes == ("short, seed 0: the constraints forbid 3 points of the design",)


def test_a_file_of_draws_gives_the_runs_that_its_search_found(tmp_path):
    path = campaign(tmp_path, "  - {draws: found.yaml, rig: tiny}\n")
    short = scenarios.load(str(tmp_path / "short.yaml"))
    whole, ticks = hashes(["ab" * 32, "cd" * 32])
    draws = [
        Accepted(seed=seed, values=short.defaults, measured={}, hash=whole, ticks=ticks) for seed in (1_000_000, 4)
    ]
    searched = Draws(
        scenario=str(tmp_path / "short.yaml"),
        scenario_digest=digest(short),
        of="ahead",
        target="ttc<1",
        simulator="embedded",
        tick_us=50_000,
        seed=1,
        draws=draws,
    )
    save_campaign(tmp_path / "found.yaml", searched)
    found = load(str(path))

    assert drawn(found) == specs_of_draws(tmp_path / "found.yaml", "tiny")
    assert drawn(found)[0].expected == ("abab", "cdcd")
    assert sorted(found.files) == ["rigs/tiny.yaml", "scenarios/short.yaml", "searches/found.yaml"]

    save_campaign(tmp_path / "found.yaml", searched.model_copy(update={"tick_us": 20_000}))
    with pytest.raises(DocumentError, match=r"few\.yaml:4: runs\[0\]\.rig: .* ticks every 50000 us, the search did"):
        load(str(path))


def test_the_runs_of_a_scenario_with_a_map_of_its_own_are_drawn_of_copies(tmp_path):
    found = loaded(tmp_path / "here", "  - {scenario: own_road.yaml, rig: none, seeds: [3]}\n")
    for name in ("own_road.yaml", "straight.xodr"):
        (tmp_path / "here" / name).unlink()

    (spec,) = drawn(found)
    assert Path(spec.scenario.town).name.startswith("own_road_")
    assert spec.scenario.road.town == "straight.xodr"
    assert [name for name in found.files if name.startswith("maps/")] == [f"maps/{Path(spec.scenario.town).name}"]


def test_every_mistake_in_what_a_campaign_says_is_told_at_once_with_its_line(tmp_path):
    told = mistakes(
        tmp_path,
        "  - {scenario: short.yaml, rig: tiny}\n"
        "  - {scenario: short.yaml, rig: none, design: {grid: {gap_m: 0}}, weather: [clear_non]}\n"
        "  - {scenario: shor, rig: tinny, seeds: {from: 0, coun: 1}}\n"
        "  - {scenario: short.yaml, rig: none, design: {t_wise: 2, sobol: 3}}\n"
        "  - {draws: nowhere.yaml, rig: none, seeds: [1]}\n"
        "  - {rig: none, seeds: [1]}\n",
        "simulator: embeded\nbudget: {runs: 0}\nrecycle: {run: 3}\n",
    )

    assert [line.partition(": got ")[0].partition(" ")[2] for line in told] == [
        "simulator",
        "budget.runs",
        "recycle.run: unknown key; did you mean 'runs'?",
        "runs[0]",
        "runs[1].design.grid",
        "runs[1].weather[0].preset",
        *("runs[2].seeds", "runs[2].rig", "runs[2].scenario"),
        "runs[3].design",
        *("runs[4]", "runs[4].draws"),
        "runs[5]",
    ]
    lines = [int(line.partition("few.yaml:")[2].partition(":")[0]) for line in told]
    assert lines == [3, 4, 5, 7, 8, 8, 9, 9, 9, 10, 11, 11, 12]


def test_every_mistake_in_what_a_campaign_names_is_told_at_once_with_its_line(tmp_path):
    told = mistakes(
        tmp_path,
        "  - {scenario: shor, rig: tinny, seeds: [0]}\n"
        "  - {scenario: short.yaml, rig: none, design: {grid: {gap_m: 3, b: 2}}}\n"
        "  - {scenario: short.yaml, rig: none, design: {grid: {gap_m: [12, 500]}}}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0], set: {gap_m: 500, b: 3}}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0], towns: [a.xodr]}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0], without: [hans]}\n"
        "  - {draws: nowhere.yaml, rig: none}\n"
        "  - {search: {scenario: short.yaml, target: 'tt=3', count: 1000, of: hans}, rig: tiny}\n",
        "format: kity\n",
    )

    assert [line.partition(": ")[2].partition(": ")[0] for line in told] == [
        *("format", "runs[0].rig", "runs[0].scenario", "runs[1].design", "runs[2].design.grid.gap_m"),
        *("runs[3].set.gap_m", "runs[3].set.b", "runs[4].towns", "runs[5].without", "runs[6].draws"),
        *("runs[7].search.count", "runs[7].search.target", "runs[7].search.of"),
    ]


def test_more_runs_than_the_budget_or_any_campaign_may_have_are_refused(tmp_path):
    runs = "  - {scenario: short.yaml, rig: none, seeds: {count: 9}}\n"
    assert "budget.runs: 9 runs are asked for; want at most 8" in mistakes(tmp_path, runs, "budget: {runs: 8}\n")[0]
    runs = f"  - {{scenario: short.yaml, rig: none, seeds: {{count: {MAX_RUNS}}}, towns: [AvSynth01, AvSynth02]}}\n"
    assert f"runs: {2 * MAX_RUNS} runs are asked for" in mistakes(tmp_path, runs)[0]


def test_two_files_of_one_name_are_refused(tmp_path):
    path = campaign(
        tmp_path,
        "  - {scenario: short.yaml, rig: none, seeds: [0]}\n  - {scenario: more/short.yaml, rig: none, seeds: [0]}\n",
    )
    campaign(tmp_path / "more", "")
    assert len(load(str(path)).recipes) == 1  # the same content is no other file

    (tmp_path / "more" / "short.yaml").write_text(SHORT.replace("60", "70"))
    with pytest.raises(DocumentError, match=r"few\.yaml:5: runs\[1\]: .*differ and have one name; want two names"):
        load(str(path))


def mistakes(folder: Path, runs: str, more: str = "") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        loaded(folder, runs, more)
    return [str(problem) for problem in caught.value.problems]
