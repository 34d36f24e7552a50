"""The examples, as a user runs them: one after the other in one folder, where each finds what is there already."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import av_synth
from av_synth import store
from av_synth.errors import DocumentError

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(name: str, out: Path) -> list[str]:
        monkeypatch.setattr("sys.argv", [name, str(out)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_says_what_it_is_when_it_is_asked(name, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", [name, "--help"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    assert f"python examples/{name} out/" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_batch_becomes_near_misses_and_the_devkit_reads_the_child_from_its_dataset(out, says):
    lines = says("near_misses.py", out)

    assert [line.partition(": ")[2] for line in lines if re.match("[0-9a-f]{20}:", line)] == ["a near-miss"] * 2
    scenes = "\n".join(lines).split("scene-")[1:]
    assert len(scenes) == len(store.runs(out)) == 2
    assert all(re.search(r"\n  child: v\d+-\d+, [1-9]\d* lidar points", scene) for scene in scenes)


def test_a_sweep_without_sensors_tells_that_who_is_seen_later_is_met_closer(says, tmp_path):
    rows = [tuple(map(float, line.split())) for line in says("sweep.py", tmp_path)[1:]]
    gaps_m, seen_s, ttc_s, distance_m = zip(*rows, strict=True)

    assert gaps_m == (1.0, 1.5, 2.0)
    assert seen_s == tuple(sorted(seen_s, reverse=True))
    assert seen_s[0] > seen_s[-1]
    assert 0.0 < ttc_s[0] < ttc_s[1] < ttc_s[2]
    assert 0.0 < distance_m[0] < distance_m[1] < distance_m[2]
    with pytest.raises(DocumentError, match="had no sensors; want --rig or --camera"):
        av_synth.replay_run(store.runs(tmp_path)[0], out=tmp_path / "again")


def test_a_run_at_night_shows_as_much_of_everybody_in_another_light(out, says):
    rows = [re.fullmatch(r"(.+?) +(\d+)% +(\d+)% +(\d+) +(\d+)", line).groups() for line in says("night.py", out)[1:]]
    by_role = {role: tuple(map(int, figures)) for role, *figures in rows}

    assert {"child", "van"} <= by_role.keys()
    assert all(by_day == by_night > 0 for by_day, by_night, *_ in by_role.values())
    assert all(bright != dim for *_, bright, dim in by_role.values())
    assert len(store.runs(out / "night")) == 1
