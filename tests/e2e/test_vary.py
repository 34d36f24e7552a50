"""Counterfactual pairs: one thing is otherwise, all else is the same, and who is who is known in every dataset."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth import store
from av_synth.cli.app import status
from av_synth.errors import DocumentError, StoreError, UserError
from av_synth.export.dataset import export_dataset
from av_synth.export.nuscenes.counterfactuals import Counterfactuals
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sources import Source
from av_synth.launch import Address
from av_synth.log.origin import Origin, origin_of
from av_synth.replay import state_log
from av_synth.replay.pairs import pair, refuse_others, write_pairs
from av_synth.replay.request import Request, replay_spec
from av_synth.replay.vary import Asked, ask, palettes_of
from av_synth.run import RunResult, RunSpec
from av_synth.verify.findings import Findings
from av_synth.verify.rows.counterfactuals import check_counterfactuals
from av_synth.verify.verifier import open_dataset
from tests.e2e.conftest import Made, record

AT = "0.5s..1s"
WHO = "traffic_3"  # it comes by
NIGHT, RED = "weather-night", f"{WHO}-colour-200-20-20"
VERSION = "v1.0-trainval"


@dataclass(frozen=True)
class Pairs:
    """What the command left, and the run that it was of."""

    out: Path
    origin: store.Run

    def run(self, name: str) -> store.Run:
        return store.open_run(store.runs(self.out / name)[0])

    def table(self, name: str, table: str) -> list[dict[str, Any]]:
        return read(self.out / name / "nuscenes", table)


def read(dataset: Path, table: str) -> list[dict[str, Any]]:
    return list(json.loads((dataset / VERSION / f"{table}.json").read_text()))


@pytest.fixture(scope="module")
def pairs(tiny: Made, address: Address, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """What the command makes, on the simulator that is there and without a process for each run."""

    @contextmanager
    def at_hand(*_: object, **__: object) -> Iterator[Address]:
        yield address

    def played(spec: RunSpec, where: Address, root: Path, *_: object, **__: object) -> RunResult:
        return record(root, spec, where)[1]

    out = tmp_path_factory.mktemp("pairs")
    wishes = ["--weather", "night", "--only", f"actor={WHO}.colour=200,20,20", "--at", AT]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("av_synth.replay.pairs.simulator_at", at_hand)
        patch.setattr("av_synth.run.generate.attempt", played)
        assert status(["vary", str(tiny.runs[0]), *wishes, "--out", str(out)]) == 0
    return Pairs(out, store.open_run(tiny.runs[0]))


@pytest.fixture(scope="module")
def merged(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the runs as one dataset; an export verifies."""
    root = tmp_path_factory.mktemp("merged")
    for name in (NIGHT, RED):
        run = pairs.run(name)
        shutil.copytree(run.folder, root / "runs" / run.run_id)
    return Path(export_dataset(root))


def test_one_thing_is_otherwise_and_all_else_is_as_it_was(pairs: Pairs) -> None:
    base, night, red = (pairs.run(name) for name in ("base", NIGHT, RED))
    hashes = [state_log.of_run(run).hashes for run in (base, night, red)]
    assert hashes[0] == hashes[1] == hashes[2] == state_log.of_run(pairs.origin).hashes[10:21]
    for other in (night, red):
        for name in ("states", "run_up", "boxes", "masks", "quality", "boxes_2d", "controls", "ego_poses"):
            assert other.table(name).equals(base.table(name)), name
    weathers = [run.table("weather").to_pylist() for run in (base, night, red)]
    assert weathers[2] == weathers[0] == pairs.origin.table("weather").to_pylist()
    assert weathers[1] == [{**weathers[0][0], "sun_altitude_angle": -30.0}]
    actors = [run.table("actors").to_pylist() for run in (base, night, red)]
    assert actors[1] == actors[0]
    changed = [(was, now) for was, now in zip(actors[0], actors[2], strict=True) if was != now]
    assert [was["role"] for was, _ in changed] == [WHO]
    was, now = (json.loads(each["attributes"]) for each in changed[0])
    assert now == {**was, "color": "200,20,20"}


def test_instances_have_one_token_in_all_datasets_and_samples_are_as_many(tiny: Made, pairs: Pairs) -> None:
    tables = [pairs.table(name, "sample_annotation") for name in ("base", NIGHT, RED)]
    there = {row["token"] for row in read(tiny.dataset, "instance")}
    assert tables[0]
    assert {row["instance_token"] for row in tables[0]} <= there
    kept = ("instance_token", "translation", "rotation", "size", "num_lidar_pts", "visibility_token")
    seen = [[[row[name] for name in kept] for row in rows] for rows in tables]
    assert seen[0] == seen[1] == seen[2]
    tokens = [{row["token"] for row in rows} for rows in tables]
    assert not (tokens[0] & tokens[1] | tokens[1] & tokens[2])
    assert {len(pairs.table(name, "sample")) for name in ("base", NIGHT, RED)} == {2}
    assert pairs.table("base", "counterfactuals") == read(tiny.dataset, "counterfactuals") == []


def test_the_colour_is_seen_on_the_pixels_of_that_actor_alone_and_the_night_everywhere(pairs: Pairs) -> None:
    names = ("base", NIGHT, RED)
    looks = {name: {row["token"]: row["filename"] for row in pairs.table(name, "sample_data")} for name in names}
    actors = pairs.table("base", "instance_actor")
    car = next(row["instance_token"] for row in actors if row["role"] == WHO)
    shown = 0
    rows = [pairs.table(name, "instance_mask") for name in names]
    for was, dark, now in zip(*rows, strict=True):
        mask = cv2.imread(str(pairs.out / "base/nuscenes" / was["filename"]), cv2.IMREAD_UNCHANGED)
        day, night, red = (
            cv2.imread(str(pairs.out / name / "nuscenes" / looks[name][row["sample_data_token"]])).astype(float)
            for name, row in zip(names, (was, dark, now), strict=True)
        )
        assert night.mean() < 0.6 * day.mean()
        own = np.isin(mask, [int(value) for value, instance in was["instances"].items() if instance == car])
        if own.sum() < 500:
            continue
        shown += 1
        redder = (red - day)[..., 2] - (red - day)[..., 0]  # OpenCV's order is blue, green, red
        around = cv2.dilate(own.astype(np.uint8), np.ones((33, 33))) > 0  # JPEG blocks and reflections reach over it
        assert redder[own].mean() > 20
        assert np.abs(redder[~around]).mean() < 1
    assert shown


def test_the_table_says_which_is_a_pair_with_which(pairs: Pairs) -> None:
    rows = json.loads((pairs.out / "pairs.json").read_text())
    base = pairs.run("base").run_id
    both = {"base_run_id": base, "origin_run_id": pairs.origin.run_id, "base_dataset": "base/nuscenes"}
    assert rows == [
        {
            "variation": name,
            "factor": factor,
            "from": before,
            "to": after,
            "run_id": pairs.run(name).run_id,
            "dataset": f"{name}/nuscenes",
            **both,
        }
        for name, factor, before, after in (
            (RED, f"{WHO}.colour", "64,72,60", "200,20,20"),
            (NIGHT, "weather", {"sun_altitude_angle": 6.0}, {"sun_altitude_angle": -30.0}),
        )
    ]
    with (pairs.out / "pairs.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["to"] for row in told] == ["200,20,20", "sun_altitude_angle=-30"]
    assert [row["run_id"] for row in told] == [row["run_id"] for row in rows]
    assert all((pairs.out / row["dataset"] / VERSION / "scene.json").is_file() for row in told)


def test_in_one_dataset_the_first_keeps_the_tokens_and_the_others_say_who_is_who(pairs: Pairs, merged: Path) -> None:
    first, other = sorted((NIGHT, RED), key=lambda name: pairs.run(name).run_id)
    scenes, samples = (
        [[each["token"] for each in pairs.table(name, table)] for name in (other, first)]
        for table in ("scene", "sample")
    )
    shared = {row["token"] for row in pairs.table("base", "instance")}
    (row,) = read(merged, "counterfactuals")
    assert [row["scene_token"], row["counterpart_scene_token"]] == [*scenes[0], *scenes[1]]
    assert row["samples"] == dict(zip(*samples, strict=True))
    assert set(row["instances"].values()) == shared
    assert not shared & row["instances"].keys()
    roles = {each["instance_token"]: each["role"] for each in read(merged, "instance_actor")}
    assert all(roles[own] == roles[one] for own, one in row["instances"].items())


def test_the_origin_keeps_its_tokens_whatever_its_id() -> None:
    def source(run_id: str, origin: str) -> Source:
        return Source(Path(run_id), run_id, "scenario", 0, ("town", ""), Origin(origin, 0, {7: 70}))

    first, origin, alone = source("a" * 20, "b" * 20), source("b" * 20, "b" * 20), source("c" * 20, "d" * 20)
    told = Counterfactuals([first, origin, alone])
    own = {each.run_id: told.names(each).instance(7) for each in (first, origin, alone)}
    assert own[origin.run_id] == RunNames(origin.run_id).instance(70)
    assert own[first.run_id] == RunNames(first.run_id).instance(7)
    assert own[alone.run_id] == RunNames("d" * 20).instance(70)
    assert Counterfactuals([first, alone]).names(first).instance(7) == own[origin.run_id]


def swapped(row: dict[str, Any], name: str) -> None:
    keys, values = list(row[name]), list(row[name].values())
    row[name] = dict(zip(keys, [*values[1:], values[0]], strict=True))


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda row: swapped(row, "instances"), "m from its counterpart"),
        (lambda row: swapped(row, "samples"), "want one lag for all"),
        (lambda row: row.update(counterpart_scene_token=row["scene_token"]), "is its own counterpart"),
        (lambda row: row.update(samples={own: own for own in row["samples"]}), "which is not in scene-"),
        (
            lambda row: row.update(samples=dict.fromkeys(row["samples"], next(iter(row["samples"].values())))),
            "has one counterpart for two",
        ),
    ],
)
def test_verify_finds_counterparts_that_are_none(
    merged: Path, mistake: Callable[[dict[str, Any]], object], told: str
) -> None:
    opened = open_dataset(merged)
    true = Findings()
    check_counterfactuals(opened, true)
    assert not true.any()
    rows = json.loads(json.dumps(read(merged, "counterfactuals")))
    mistake(rows[0])
    edited = {rows[0]["scene_token"]: (rows[0],)}
    found = Findings()
    check_counterfactuals(replace(opened, extras={**opened.extras, "counterfactuals": edited}), found)
    assert told in str(found.report("", ""))


def test_verify_finds_counterparts_of_another_category(merged: Path) -> None:
    opened = open_dataset(merged)
    token, track = next(iter(opened.scenes[0].tracks.items()))
    animals = tuple((time_us, replace(annotation, category="animal")) for time_us, annotation in track)
    scene = replace(opened.scenes[0], tracks={**opened.scenes[0].tracks, token: animals})
    found = Findings()
    check_counterfactuals(replace(opened, scenes=(scene, *opened.scenes[1:])), found)
    (finding,) = found.report("", "").problems
    assert "animal" in finding.message
    assert finding.message.endswith("want one category")


@pytest.mark.parametrize(
    ("weather", "only", "told"),
    [
        ([], [], "--weather: want this, or --only"),
        (["night", "nigth"], [], "--weather: got 'nigth'; did you mean 'night'?"),
        (["sun_altitude_angle=6"], [], "--weather: sun_altitude_angle=6: is the weather that it was"),
        ([], ["van.colour"], "--only: got 'van.colour'; want actor=NAME.colour"),
        ([], ["actor=vann.colour"], "--only: vann: nobody in the log of"),
        ([], ["actor=van.size"], "--only: van.size: only the colour of somebody changes nothing but looks"),
        ([], ["actor=pedestrian.colour"], "--only: pedestrian: walker.pedestrian"),
        ([], ["actor=van.colour=red"], "--only: van: got 'red'; want red, green and blue"),
        ([], ["actor=van.colour=0,0,256"], "--only: van: got '0,0,256'"),
        ([], ["actor=van.colour=24, 62,110"], "--only: van: 24, 62,110 is the colour that it has"),
    ],
)
def test_what_cannot_be_varied_is_refused_in_words(tiny: Made, weather: list[str], only: list[str], told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        ask(store.open_run(tiny.runs[0]), Request(), weather, only)
    assert told in str(caught.value)


@pytest.fixture
def asked(tiny: Made) -> Asked:
    return ask(store.open_run(tiny.runs[0]), Request(at=AT), ["fog"], ["actor=van.colour", "actor=ego.colour"])


def test_recommended_colours_are_taken_evenly_and_without_the_one_that_is_there(asked: Asked, address: Address) -> None:
    own = {role: asked.playback.log.info_of(role) for role in asked.repaints}
    assert asked.bodies == {info.type_id for info in own.values()}
    offered = palettes_of(address, asked.bodies)
    assert all(info.attributes["color"] in offered[info.type_id] for info in own.values())
    greys = tuple(f"{k},{k},{k}" for k in range(6))
    palettes = {info.type_id: (info.attributes["color"], *greys) for info in own.values()}
    names = [each.name for each in asked.settled(palettes, 2)]
    assert names == ["weather-fog", *(f"{role}-colour-{k}-{k}-{k}" for role in ("van", "ego") for k in (1, 4))]
    assert len(asked.settled(palettes, 9)) == 13
    alone = {info.type_id: (info.attributes["color"],) for info in own.values()}
    with pytest.raises(DocumentError, match="van: no other colour is recommended for vehicle"):
        asked.settled(alone, 3)


def test_weather_that_changes_meanwhile_is_not_varied(
    tiny: Made, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = asked.playback.log
    changing = replace(log, weather={0: log.weather[0], 15: {**log.weather[0], "fog_density": 30.0}})
    spec = replace(asked.base, script=replace(asked.playback, log=changing))
    monkeypatch.setattr("av_synth.replay.vary.replay_spec", lambda *_: spec)
    with pytest.raises(
        DocumentError, match=r"^--at: the weather of the run changes at 0.75 s, .*: \.\.0.7s or 0.75s\.\.$"
    ):
        ask(store.open_run(tiny.runs[0]), Request(), ["night"], [])


def test_folders_that_hold_something_else_are_refused_and_tables_of_pairs_grow(pairs: Pairs, tmp_path: Path) -> None:
    again = ask(pairs.origin, Request(at=AT), ["night"], [])
    refuse_others(pairs.out, again, again.variations)
    other = ask(pairs.origin, Request(at="1s..2s"), ["night"], [])
    with pytest.raises(UserError, match="which plays another run back, another part of it"):
        refuse_others(pairs.out, other, ())
    shutil.copy(pairs.out / "pairs.json", tmp_path)
    fog = ask(pairs.origin, Request(at=AT), ["fog"], []).variations[0]
    path = write_pairs(tmp_path, [pair(fog, pairs.run("base"), pairs.run(NIGHT), "nuscenes")])
    assert [row["variation"] for row in json.loads(path.read_text())] == [RED, "weather-fog", NIGHT]
    path.write_text("[{}]")
    with pytest.raises(StoreError, match="is no table of pairs"):
        refuse_others(tmp_path, again, ())


def test_a_replay_of_a_replay_goes_back_to_the_first_run(pairs: Pairs) -> None:
    base = pairs.run("base")
    assert origin_of(base.run_id, base.manifest) == Origin(pairs.origin.run_id, 10)
    log = replay_spec(base, Request(at="0.2s..0.4s")).script.log  # type: ignore[union-attr]
    assert log.origin == Origin(pairs.origin.run_id, 10)
    ids = {8: 108, 9: 9, 10: 8}
    second = log.origin.replayed(4, ids)
    assert second == Origin(pairs.origin.run_id, 14, {108: 8, 8: 10})
    third = second.replayed(0, {108: 8, 9: 9, 8: 1000})
    assert third == Origin(pairs.origin.run_id, 14, {1000: 10})
    told = json.loads(json.dumps({"provenance": {"replay": {"origin": second.to_json()}}}))
    assert origin_of("f" * 20, told) == second
