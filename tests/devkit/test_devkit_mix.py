"""A mix of our data with that of somebody else loads in the devkit, with every key closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from av_synth.mix import mix
from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, SyntheticTown, build_run
from tests.mix.copies import NUSCENES, copied, edit, stripped


@pytest.fixture(scope="module")
def nusc(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Ours, somebody else's, and ours once more with other labels, whose tokens all clash; three samples a scene."""
    root = tmp_path_factory.mktemp("mix")
    ours = export([build_run(root / "store", seed, sensors=TINY, last_frame=20) for seed in (0, 1)], root / "ours")
    town = SyntheticTown("Elsewhere", (35.0, 45.0))
    others = [build_run(root / "others", seed, town, TINY, last_frame=20) for seed in (2, 3)]
    real = stripped(export(others, root / "real", profile="compat"))
    again = copied(ours, root / "again")
    edit(again, "sample_annotation", lambda rows: [row.update(size=[1.01 * x for x in row["size"]]) for row in rows])
    shares = {"a": 0.4, "b": 0.3, "c": 0.3}
    datasets = (str(ours), str(real), str(again))
    mixed = mix(datasets, root / "mix", shares=shares, by="sample", total=10, split={"train": 0.5, "val": 0.5})
    return oracles.load(mixed.root)


def test_every_key_of_every_row_leads_somewhere(nusc: Any) -> None:
    followed = 0
    for table in NUSCENES:
        for row in getattr(nusc, table):
            for field, value in row.items():
                if not field.endswith(("_token", "_tokens", "prev", "next")):
                    continue
                name = field.removesuffix("s").removesuffix("_token").removeprefix("first_").removeprefix("last_")
                target = {"prev": table, "next": table, "annotation": "sample_annotation"}.get(name, name)
                for token in value if isinstance(value, list) else [value]:
                    followed += bool(token)
                    assert token == "" or nusc.get(target, token)["token"] == token

    assert followed > 1000


def test_samples_are_as_many_as_asked_and_chains_end_where_scenes_are_cut(nusc: Any) -> None:
    assert sorted(row["nbr_samples"] for row in nusc.scene) == [1, 3, 3, 3]
    for scene in nusc.scene:
        chain = [scene["first_sample_token"]]
        while following := nusc.get("sample", chain[-1])["next"]:
            chain.append(following)
        assert (len(chain), chain[-1]) == (scene["nbr_samples"], scene["last_sample_token"])
    for data in nusc.sample_data:
        scene = nusc.get("sample", data["sample_token"])["scene_token"]
        for other in filter(None, (data["prev"], data["next"])):
            record = nusc.get("sample_data", other)
            assert nusc.get("sample", record["sample_token"])["scene_token"] == scene


def test_perfect_predictions_score_one_and_the_devkit_finds_the_splits(nusc: Any, tmp_path: Path) -> None:
    report = oracles.detection(nusc, tmp_path, "all")

    assert len(report.ap) > 5
    assert report.ap == pytest.approx(dict.fromkeys(report.ap, 1.0))
    halves = [{row["token"] for row in oracles.split_samples(nusc, f"av_synth_{name}")} for name in ("train", "val")]
    assert halves[0].isdisjoint(halves[1])
    assert len(halves[0] | halves[1]) == 10


def test_every_file_is_read_and_points_count_as_told(nusc: Any) -> None:
    for data in nusc.sample_data:
        assert (Path(nusc.dataroot) / data["filename"]).is_file()
    assert {lidarseg["sample_data_token"] for lidarseg in nusc.lidarseg} <= {data["token"] for data in nusc.sample_data}
    for scene in nusc.scene:
        mask = nusc.get("map", nusc.get("log", scene["log_token"])["map_token"])["mask"]
        assert mask.mask().max() > 0
