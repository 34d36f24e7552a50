"""The loop from a first batch to figures on held-out data, on painted runs: no simulator, no torch."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import painted
import pytest
from colours import Colours
from killed import kill
from small_request import request, unshown

from av_synth import store as stores
from av_synth.errors import UserError
from av_synth.farm.dispatch.driver import CANCELLED, Ended
from av_synth.improve import Improvement, improve
from av_synth.improve.space import FIRST_HELD_OUT_SEED, Space


def seeds(store: Path) -> set[int]:
    return {int(stores.open_run(run).json("scenario.json")["seed"]) for run in stores.runs(store)}


def records(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((store / "improve").glob("*.json"))}


def test_a_round_spends_its_budget_and_what_comes_of_it_is_told_on_held_out_data(
    improved: tuple[Path, Improvement],
) -> None:
    _, came = improved
    first, second = came.rounds

    assert (first.number, second.number) == (0, 1)
    assert sum(one.by_share for one in first.spent) == 4
    assert (sum(one.by_share for one in second.spent), sum(one.by_need for one in second.spent)) == (2, 2)
    assert (first.runs, second.runs) == (4, 8)
    assert second.graded is not None
    assert second.held_out is not None
    assert second.held_out.overall.recall is not None
    assert second.held_out.overall.recall > 0.3, "whoever has a colour that was learnt is found"
    assert {tuple(one.values) for one in second.held_out.cells} == {("scenario", "weather", "light")}
    assert len(second.held_out.cells) == 4


def test_what_is_held_out_is_never_learnt_from(improved: tuple[Path, Improvement]) -> None:
    store, _ = improved
    held_out = store / "improve" / "held_out"

    assert min(seeds(held_out)) >= FIRST_HELD_OUT_SEED
    assert max(seeds(store)) < FIRST_HELD_OUT_SEED
    assert len(seeds(held_out)) == 4


def test_what_the_detector_has_learnt_is_kept_with_each_round(improved: tuple[Path, Improvement]) -> None:
    store, _ = improved

    assert [name for name, _ in json.loads((store / "improve" / "round-01.model").read_text())][:2] == [
        "bicycle",
        "car",
    ]


def test_the_same_again_makes_nothing_anew(improved: tuple[Path, Improvement], space: Space) -> None:
    store, came = improved
    before = records(store)

    def refuse(*_: object) -> Ended:
        raise AssertionError("something is played again")

    asked = request(space, store)
    assert improve(Colours(), asked, refuse, unshown) == came
    assert records(store) == before


def test_what_was_begun_is_not_gone_on_with_as_something_else(improved: tuple[Path, Improvement], space: Space) -> None:
    store, _ = improved
    with pytest.raises(UserError, match=r"budget was 4, is 5; want it as it was, or another store"):
        improve(Colours(), request(space, store, budget=5), painted.paint, unshown)


def test_a_model_may_be_another_one_until_a_round_is_done(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path
) -> None:
    class Raises(Colours):
        def fit(self, *_: object) -> None:
            raise ValueError("it is not written yet")

    store, held_out = tmp_path / "store", improved[0] / "improve" / "held_out" / "nuscenes"
    asked = request(space, store, budget=1, rounds=0, held_out=held_out)
    with pytest.raises(UserError, match="it is not written yet"):
        improve(Raises(), replace(asked, model="mistaken:Raises"), painted.paint, unshown)
    assert len(improve(Colours(), asked, painted.paint, unshown).rounds) == 1
    with pytest.raises(UserError, match=r"model was colours:Colours, is mistaken:Raises; want it as it was"):
        improve(Raises(), replace(asked, model="mistaken:Raises"), painted.paint, unshown)


def test_two_cannot_improve_detectors_in_one_store_at_once(improved: tuple[Path, Improvement], space: Space) -> None:
    store, _ = improved
    asked = request(space, store)

    def begin_another(_: object) -> None:
        with pytest.raises(UserError, match=r"store: a detector is improved there by process \d+ on .*; want another"):
            improve(Colours(), asked, painted.paint, unshown)

    improve(Colours(), asked, painted.paint, unshown, begin_another)


def test_a_paused_campaign_ends_the_call_and_says_why(space: Space, tmp_path: Path) -> None:
    asked = request(space, tmp_path / "store", budget=2)
    came = improve(Colours(), asked, lambda *_: Ended(CANCELLED, "interrupted", 0, 0, 2), unshown)

    assert came == Improvement((), CANCELLED, "interrupted")


@pytest.mark.long
def test_a_floor_of_one_spends_by_shares_and_grades_nothing_before(space: Space, tmp_path: Path) -> None:
    store = tmp_path / "store"
    asked = request(space, store, budget=3, floor=1.0)
    came = improve(Colours(), asked, painted.paint, unshown)

    assert came.rounds[1].graded is None
    assert [one.by_need for one in came.rounds[1].spent] == [0] * len(came.rounds[1].spent)


def test_held_out_data_that_are_learnt_from_too_are_refused(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path
) -> None:
    store, _ = improved
    asked = request(space, tmp_path / "store", held_out=store / "nuscenes")
    # equal seeds draw equal runs: the first batch is in the other store's data
    with pytest.raises(UserError, match=r"of its samples are in .*, which is learnt from; want data that are held out"):
        improve(Colours(), asked, painted.paint, unshown)


def test_held_out_data_that_cannot_be_graded_on_are_refused_before_anything_is_made(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path
) -> None:
    class Trailers(Colours):
        classes = ("trailer",)

    store = tmp_path / "store"
    with pytest.raises(UserError, match="nowhere: there is no such folder"):
        improve(Colours(), request(space, store, held_out=tmp_path / "nowhere"), painted.paint, unshown)
    several = shutil.copytree(improved[0] / "nuscenes", tmp_path / "several", copy_function=os.link)
    shutil.copytree(several / "v1.0-trainval", several / "v1.0-mini")
    with pytest.raises(UserError, match=r"several: has the versions .*; want --held-out-version"):
        improve(Colours(), request(space, store, held_out=several), painted.paint, unshown)
    with pytest.raises(UserError, match="--held-out-version: is told with --held-out only"):
        improve(Colours(), request(space, store, held_out_version="v1.0-mini"), painted.paint, unshown)
    with pytest.raises(UserError, match="is what is learnt from; want data that are held out"):
        improve(Colours(), request(space, store, held_out=store / "nuscenes"), painted.paint, unshown)
    with pytest.raises(UserError, match="has nobody whom the detector knows: trailer"):
        improve(Trailers(), request(space, store, held_out=improved[0] / "nuscenes"), painted.paint, unshown)
    assert not store.exists()


def test_a_detector_that_keeps_nothing_is_told_and_gone_on_with_once_it_does(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path
) -> None:
    class Forgets(Colours):
        def save(self, file: Path) -> None:
            pass

    held_out = shutil.copytree(
        improved[0] / "improve" / "held_out" / "nuscenes", tmp_path / "held_out", copy_function=os.link
    )
    shutil.copytree(held_out / "v1.0-trainval", held_out / "v1.0-other")
    asked = request(space, tmp_path / "store", budget=1, rounds=0, held_out=held_out, held_out_version="v1.0-trainval")
    with pytest.raises(UserError, match=r"`save` wrote no round-00\.model"):
        improve(Forgets(), asked, painted.paint, unshown)
    assert len(improve(Colours(), asked, painted.paint, unshown).rounds) == 1


@pytest.mark.long
@pytest.mark.parametrize(("where", "times"), [("after", 1), ("before", 3), ("fit", 2), ("fit", 4)])
def test_what_was_killed_goes_on_and_comes_to_the_same(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path, where: str, times: int
) -> None:
    ended = kill(space, tmp_path / "store", where, times)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()

    assert improve(Colours(), request(space, tmp_path / "store"), painted.paint, unshown) == improved[1]
    assert records(tmp_path / "store") == records(improved[0])
    assert seeds(tmp_path / "store") == seeds(improved[0])


def test_a_round_that_was_killed_is_gone_on_with_as_it_was_planned(
    improved: tuple[Path, Improvement], space: Space, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(improved[0], store, copy_function=os.link)
    # as if the process had died when the second batch was made, before anything came of it
    record = store / "improve" / "round-01.json"
    planned = {**json.loads(record.read_text()), "state": "planned", "held_out": None, "runs": 0}
    record.unlink()
    record.write_text(json.dumps(planned))
    for run in sorted(stores.runs(store / "improve" / "batch-01"))[:2]:
        shutil.rmtree(store / "runs" / run.name)
    (store / "improve" / "round-01.model").unlink()

    assert improve(Colours(), request(space, store), painted.paint, unshown) == improved[1]
    assert records(store) == records(improved[0])
    assert seeds(store) == seeds(improved[0])
