"""What is built once and kept: the same to the last bit, never out of date, and never wanted so much that it fails."""

from __future__ import annotations

import dataclasses
import pickle
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from av_synth.simulator import cache as keeping
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.cache import KEYS_KEPT, cached
from av_synth.simulator.town import Town, load


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "av_synth"


def never() -> Any:
    raise AssertionError("it was built again")


def leaves(value: Any) -> Iterator[object]:
    """Everything in a value, arrays as bytes, shapes as binary text."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        value = [part for item in value.items() for part in item]
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, np.ndarray):
        yield value.dtype, value.shape, value.tobytes()
    elif isinstance(value, shapely.Geometry):
        yield shapely.to_wkb(value)
    else:
        yield value


@pytest.mark.parametrize("whole", [catalogue, lambda: load("AvSynth01")], ids=["bodies", "a town"])
def test_what_is_read_is_what_was_built_to_the_last_bit(cache: Path, whole: Any) -> None:
    built = whole()
    cached("it", lambda: built)

    read = cached("it", never)

    assert read is not built
    assert read.digest == built.digest
    assert all(a == b for a, b in zip(leaves(read), leaves(built), strict=True))
    assert len(list(leaves(built))) > 1000


def test_a_town_that_is_read_answers_as_fast_as_one_that_was_built(cache: Path) -> None:
    town = pickle.loads(pickle.dumps(load("AvSynth01")))

    assert isinstance(town, Town)
    assert shapely.is_prepared(town.carriageway)
    assert all(shapely.is_prepared(zone.area) for zone in town.speed_zones)


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:-1] + bytes([c[-1] ^ 1]), lambda c: b""])
def test_a_damaged_file_is_built_again_and_mended(cache: Path, damage: Any) -> None:
    cached("it", lambda: [1, 2])
    (path,) = cache.glob("built-*/*.pickle")
    path.write_bytes(damage(path.read_bytes()))

    assert cached("it", lambda: [3]) == [3]
    assert cached("it", never) == [3]
    assert sorted(p.name for p in path.parent.iterdir()) == ["it.lock", "it.pickle"]


def test_who_comes_while_another_builds_waits_and_reads(cache: Path) -> None:
    second: list[object] = []
    waiting = threading.Thread(target=lambda: second.append(cached("it", never)))

    def build() -> str:
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        return "built"

    assert cached("it", build) == "built"
    waiting.join()
    assert second == ["built"]


def test_nobody_waits_for_ever_for_another_who_builds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_WAIT_S", 0.1)
    assert cached("it", lambda: cached("it", lambda: "mine")) == "mine"


def test_a_folder_that_others_may_write_to_is_not_read(cache: Path) -> None:
    cached("it", lambda: "mine")
    (folder,) = cache.glob("built-*")
    folder.chmod(0o777)

    assert cached("it", lambda: "anew") == "anew"
    folder.chmod(0o700)
    assert cached("it", never) == "mine"


def test_without_a_place_to_keep_it_what_is_wanted_is_built(cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    assert cached("it", lambda: "built") == "built"


def test_other_sources_and_threads_are_another_key_and_the_oldest_keys_go(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    for folder in ("geometry", "sensing", "simulator"):
        (package / folder).mkdir(parents=True)
    for name in ("errors.py", "sensing/materials.py"):
        (package / name).touch()
    monkeypatch.setattr(keeping, "_PACKAGE", package)
    for turn in range(KEYS_KEPT + 2):
        keeping._key.cache_clear()
        (package / "simulator" / "towns.py").write_text(f"HEIGHT_M = {turn // 2}")
        monkeypatch.setenv("OMP_NUM_THREADS", str(1 + turn % 2))
        assert cached("it", lambda turn=turn: turn) == turn
    keeping._key.cache_clear()

    assert len(list(cache.glob("built-*"))) == KEYS_KEPT
