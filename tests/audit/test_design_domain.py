"""Operational design domains: what their files may say, and what of them a dataset covers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from av_synth import documents
from av_synth.audit import audit
from av_synth.audit.domain import KIND, load
from av_synth.audit.model import Coverage
from av_synth.errors import DocumentError
from av_synth.query import SLICES, read
from tests.audit.plain_dataset import SUN_DEG, TOWNS, WEATHERS, deal, write

TWELVE = [(weather, light, town) for weather in ("dry", "rain") for light in SUN_DEG for town in TOWNS]
"""Every combination but those with fog."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes of each combination of dry or rain, light and town, twice; but none in rain at night."""
    scenes = [
        replace(scene, weather=weather, light=light, town=town)
        for scene, (weather, light, town) in zip(deal(1, 24), TWELVE * 2, strict=True)
        if (weather, light) != ("rain", "night")
    ]
    return write(tmp_path_factory.mktemp("domain") / "dataset", scenes)


def domain(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(f"name: mine\ndescription: Somewhere.\n{text}")
    return str(path)


def covered(dataset: Path, odd: str, strength: int = 2) -> Coverage:
    (found,) = (each for each in audit(dataset, odd=odd, strength=strength).coverage if each.kind == "domain")
    return found


def test_what_never_occurs_together_is_named_and_proposed(dataset: Path, tmp_path: Path) -> None:
    odd = domain(tmp_path, "axes: {weather: [dry, rain], light: [day, low sun, night]}")
    found = audit(dataset, odd=odd)

    (coverage,) = (each for each in found.coverage if each.kind == "domain")
    assert (coverage.possible, coverage.covered, coverage.missing) == (6, 5, ({"weather": "rain", "light": "night"},))
    assert coverage.tables[0].scenes == ((4, 4, 4), (4, 4, 0))
    (finding,) = (each for each in found.findings if each.about == "mine")
    assert "1 of the 6 combinations of 2 axes of the domain mine never occur" in finding.words
    assert "weather rain x light night" in finding.words
    assert "preset: clear_night, rain_mm_h: 10.0" in found.campaign


def test_a_value_that_never_occurs_is_serious_and_said_once(dataset: Path, tmp_path: Path) -> None:
    odd = domain(tmp_path, "axes: {weather: [dry, fog], town: [AvSynth01, AvSynth02]}")
    found = audit(dataset, odd=odd)

    (alarm,) = found.alarms
    assert (alarm.kind, alarm.severity, alarm.about) == ("missing", "serious", "weather=fog")
    (outside,) = (each for each in found.findings if each.about == "outside mine")
    assert "weather rain" in outside.words


def test_what_never_is_in_the_domain_is_not_missed(dataset: Path, tmp_path: Path) -> None:
    axes = "axes: {weather: [dry, rain], light: [day, low sun, night]}\nnever: [{weather: rain, light: night}]"

    coverage = covered(dataset, domain(tmp_path, axes))
    assert (coverage.possible, coverage.covered) == (5, 5)
    assert coverage.tables[0].scenes[1] == (4, 4, None)


def test_combinations_of_three_are_of_one_and_the_same_thing(dataset: Path, tmp_path: Path) -> None:
    axes = "axes: {class: [vehicle.*, human.*], range: [0..10 m, over 50 m], light: [day, low sun, night]}"
    kinds = ("class", "range", "light")
    occur = {
        tuple(SLICES[kind].value(sample, thing) for kind in kinds)
        for sample in read(dataset)
        for thing in sample.things
    }
    wanted = {
        (category.partition(".")[0], range_m, light)
        for category, range_m, light in occur
        if range_m in ("0..10 m", "over 50 m")
    }

    coverage = covered(dataset, domain(tmp_path, axes), strength=3)
    assert (coverage.strength, coverage.possible, coverage.covered) == (3, 12, len(wanted))
    assert 3 < len(wanted) < 12


def test_numbers_have_edges_of_which_the_lower_one_is_in(dataset: Path, tmp_path: Path) -> None:
    axes = "axes: {weather.sun_altitude_angle: {edges: [-90, 5, 50]}, speed_mps: {edges: [0, 12]}}"

    coverage = covered(dataset, domain(tmp_path, axes))
    (table,) = coverage.tables
    assert (table.rows, table.columns) == (("-90..5", "5..50"), ("0..12",))
    assert table.scenes == ((4,), (16,))


def test_what_the_dataset_does_not_tell_is_said(dataset: Path, tmp_path: Path) -> None:
    found = audit(dataset, odd=domain(tmp_path, "axes: {ttc: [0..1 s], weather.wetness: {edges: [0, 100]}}"))

    assert [each.words for each in found.findings if "does not tell" in each.words] == [
        "The dataset does not tell weather.wetness, of which the domain mine has values."
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("axes: {wether: [dry]}", r"mine.yaml:3: axes.wether: is no slice; did you mean 'weather'\?"),
        ("axes: {weather: [dri]}", r"axes.weather\[0\]: got 'dri'; did you mean 'dry'\?"),
        ("axes: {speed_mp: {edges: [0, 1]}}", r"axes.speed_mp: is no field; did you mean 'speed_mps'\?"),
        ("axes: {speed_mps: {edges: [1, 0]}}", "want a list of values, or {edges"),
        ("axes: {speed_mps: 3}", "got 3; want a list of values, or {edges"),
        ("axes: {}", "axes: .*want at least 1 item"),
        (
            "axes: {weather: [dry]}\nnever: [{light: day}]",
            r"never\[0\].light: got 'day' of 'light'; want one of weather",
        ),
        (
            "axes: {weather: [dry]}\nnever: [{weather: fog}]",
            r"never\[0\].weather: got 'fog' of 'weather'; want one of dry",
        ),
    ],
)
def test_what_a_domain_may_not_say_is_said_with_its_place(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(DocumentError, match=wanted):
        load(domain(tmp_path, text))


def test_the_built_in_domains_can_be_read_and_are_no_campaigns() -> None:
    names = documents.names(KIND)

    assert [load(name).name for name in names] == list(names) == ["urban"]
    assert not set(names) & set(documents.names("configs"))
    assert set(load("urban").wanted[0]) <= set(WEATHERS)
    with pytest.raises(DocumentError, match="design domain: got 'urbn'; did you mean 'urban'"):
        load("urbn")
