"""The loop: grade on the data there are, spend a budget on what may be lacking, learn, grade on held-out data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from av_synth import store as stores
from av_synth.errors import UserError
from av_synth.export.dataset import DATASET, export_dataset
from av_synth.farm.conduct import Orders, conduct
from av_synth.farm.dispatch.driver import DONE, QUARANTINED, Ended
from av_synth.farm.model import OnEvent
from av_synth.farm.planning import campaign as campaigns
from av_synth.improve import grading
from av_synth.improve.detector import Detector, Trainable, blamed
from av_synth.improve.images import read_images
from av_synth.improve.record import (
    FOLDER,
    Asked,
    Figures,
    Round,
    Spent,
    alone,
    is_any_round_done,
    keep_asked,
    place,
    read_round,
    write_round,
)
from av_synth.improve.space import Draw, Space, campaign_of
from av_synth.query import read, version_of
from av_synth.run.spec import ShowStep
from av_synth.store import replace_file
from av_synth.store.merge import adopt

_HELD_OUT = "held_out"

Play = Callable[[Path, Path, bool], Ended]
"""Has the runs of a campaign made: its file, the store, and whether a dataset is made of them at the end."""


@dataclass(frozen=True)
class Request:
    """What somebody wants of an improvement.

    Attributes:
        space: what the budget is spent over.
        store: a folder; runs that it has are the data to begin with, else the first batch is drawn by shares.
        model: what the detector is called, for the record.
        budget: runs of a batch.
        rounds: how many batches are spent by what the detector lacks.
        floor: share of each of these batches that is drawn by shares, whatever the detector lacks, 0 to 1.
        seed: of all that is left to chance.
        held_out: a dataset that is only ever graded on; None to make one of the space.
        held_out_runs: how many each scenario has there in each weather.
        held_out_version: its folder of tables, if `held_out` has several.
    """

    space: Space
    store: Path
    model: str
    budget: int
    rounds: int = 1
    floor: float = 0.2
    seed: int = 0
    held_out: Path | None = None
    held_out_runs: int = 2
    held_out_version: str | None = None

    @property
    def held_out_in_words(self) -> str:
        """What is held out, for the record."""
        if self.held_out is None:
            return f"{self.held_out_runs} a cell"
        return " ".join([str(self.held_out.resolve()), *filter(None, [self.held_out_version])])


@dataclass(frozen=True)
class Improvement:
    """What came of it: the rounds so far, and how the last campaign ended where that was not at its end."""

    rounds: tuple[Round, ...]
    exit_code: int = DONE
    why: str = ""


class _StoppedError(Exception):
    """A campaign was paused or cancelled."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.why)
        self.ended = ended


def on_farm(workers: int | None, step: ShowStep, shown: Callable[..., AbstractContextManager[OnEvent]]) -> Play:
    """What has campaigns made by workers of this machine; see `conduct`."""

    def play(campaign: Path, store: Path, export: bool) -> Ended:
        orders = Orders(workers=workers, export=export)
        return conduct(campaigns.load(str(campaign)), store, orders, step, shown, lambda _: None)[0]

    return play


def improve(
    detector: Detector, asked: Request, play: Play, step: ShowStep, on_round: Callable[[Round], object] = lambda _: None
) -> Improvement:
    """Make what a detector lacks, round by round; the same call goes on where another ended, however it ended.

    Args:
        detector: what is improved, or if it does not learn, graded on ever more of what it fails at.
        asked: what is wanted.
        play: has runs made, such as `on_farm` gives.
        step: shows what else takes a while.
        on_round: told each round that is done, those of before too.

    Raises:
        UserError: if what is asked is not what was begun in this store, data of the held-out set are in it, or somebody
            else is at it.
        AvSynthError: as `play`, `export_dataset` and `grade_images`.
    """
    if not 0.0 <= asked.floor <= 1.0:
        raise UserError(f"--floor: got {asked.floor:g}; want 0 to 1")
    if asked.held_out is None and asked.held_out_version is not None:
        raise UserError("--held-out-version: is told with --held-out only; leave it out")
    loop = _Loop(detector, asked, play, step)
    done: list[Round] = []
    loop.refuse_held_out()
    try:
        with alone(asked.store):
            loop.begin()
            for number in range(asked.rounds + 1):
                done.append(loop.round(number))
                on_round(done[-1])
    except _StoppedError as stopped:
        return Improvement(tuple(done), stopped.ended.exit_code, stopped.ended.why)
    return Improvement(tuple(done))


class _Loop:
    def __init__(self, detector: Detector, asked: Request, play: Play, step: ShowStep) -> None:
        self._detector, self._asked, self._play, self._step = detector, asked, play, step
        self._space, self._store = asked.space, asked.store
        self._data = self._store / DATASET
        self._held_out = asked.held_out or self._store / FOLDER / _HELD_OUT / DATASET

    def begin(self) -> None:
        """Refuse what is not what was begun, and make what is held out."""
        asked = self._asked
        words = Asked(
            model=asked.model, space=f"{asked.space.document.name} {asked.space.digest}", budget=asked.budget,
            floor=asked.floor, seed=asked.seed, held_out=asked.held_out_in_words,
        )  # fmt: skip
        keep_asked(self._store, words)
        if asked.held_out is None:
            draws = self._space.evenly(asked.held_out_runs * len(self._space.cells))
            self._make(self._store / FOLDER / _HELD_OUT, draws, "held_out", export=True)

    def round(self, number: int) -> Round:
        """A round from where it is to its end."""
        found = read_round(self._store, number)
        if found is None:
            found = self._planned(number)
            write_round(self._store, found)
        if found.state == "done":
            return found
        if found.spent:
            batch = place(self._store, "batch", number)
            self._make(batch, self._drawn(number, found), batch.name, export=False)
            adopt(batch, self._store)
        done = found.model_copy(update={"state": "done", **self._outcome(number)})
        write_round(self._store, done)
        return done

    def _planned(self, number: int) -> Round:
        """What is to be spent, and why."""
        if number == 0:
            empty = not stores.runs(self._store)
            spent = self._counted(self._by_shares(0, self._asked.budget), []) if empty else ()
            return Round(number=0, state="planned", spent=spent)
        graded, need = None, {}
        by_share = self._count_by_share
        if by_share < self._asked.budget:
            with self._step("grading on what was not learnt from") as on_fitted:
                detections = grading.detect_unseen(self._detector, self._data, self._asked.seed, on_fitted)
            grades = grading.grade_slices(self._detector, self._data, detections, self._asked.seed)
            lacking = grading.shortfalls(grades)
            graded = Figures.of(grades, lacking)
            need = grading.needs(grades, lacking, grading.traits_in(self._data, self._space.traits_of))
        planned = Round(number=number, state="planned", graded=graded, need=need)
        shares, needed = self._by_shares(number, by_share), self._by_need(number, planned)
        return planned.model_copy(update={"spent": self._counted(shares, needed)})

    @property
    def _count_by_share(self) -> int:
        return round(self._asked.floor * self._asked.budget)

    def _by_shares(self, number: int, count: int) -> list[Draw]:
        return self._space.by_shares(count, np.random.default_rng([self._asked.seed, number, 0]))

    def _by_need(self, number: int, planned: Round) -> list[Draw]:
        count = self._asked.budget - self._count_by_share
        return self._space.by_need(count, planned.need, np.random.default_rng([self._asked.seed, number, 1]))

    def _drawn(self, number: int, planned: Round) -> list[Draw]:
        """The draws of a round that was planned: the same again, since they follow from seed and need."""
        if number == 0:
            return self._by_shares(0, self._asked.budget)
        return [*self._by_shares(number, self._count_by_share), *self._by_need(number, planned)]

    def _counted(self, by_share: Sequence[Draw], by_need: Sequence[Draw]) -> tuple[Spent, ...]:
        shares, needed = (Counter(draw.cell for draw in draws) for draws in (by_share, by_need))
        return tuple(
            Spent(
                scenario=self._space.scenarios[cell.scenario].name,
                weather=self._space.weather_name(cell),
                by_share=shares[cell],
                by_need=needed[cell],
            )
            for cell in self._space.cells
            if shares[cell] or needed[cell]
        )

    def _make(self, store: Path, draws: Sequence[Draw], name: str, *, export: bool) -> None:
        """Have the runs made that are not there yet."""
        if export and (store / DATASET).exists():
            return
        file = store.with_suffix(".yaml")
        if not file.exists():
            content = yaml.safe_dump(campaign_of(self._space, draws, name), sort_keys=False)
            replace_file(file, content.encode(), durable=True)
        ended = self._play(file, store, export)
        if ended.exit_code not in (DONE, QUARANTINED):
            raise _StoppedError(ended)

    def _outcome(self, number: int) -> dict[str, object]:
        """Learn from all data there are, and grade on what is held out."""
        with self._step(f"exporting {self._store}", counted=False):
            export_dataset(self._store)
        self._refuse_leaks()
        if isinstance(self._detector, Trainable):
            with self._step("learning from all data", counted=False):
                images = read_images(self._data)
                with blamed("the detector raised in `fit`"):
                    self._detector.fit(images, self._asked.seed)
            file = place(self._store, "round", number, ".model")
            with stores.scratch(self._store / FOLDER, "model") as folder:
                with blamed("the detector raised in `save`"):
                    self._detector.save(folder / file.name)
                if not (folder / file.name).is_file():
                    raise UserError(f"the detector's `save` wrote no {file.name}; want a file where it is told to")
                (folder / file.name).replace(file)
        with self._step("grading on held-out data", counted=False):
            version, seed = self._asked.held_out_version, self._asked.seed
            detections = grading.detect_all(self._detector, read_images(self._held_out, version))
            grades = grading.grade_slices(self._detector, self._held_out, detections, seed, version)
        return {"held_out": Figures.of(grades, grading.shortfalls(grades)), "runs": len(stores.runs(self._store))}

    def refuse_held_out(self) -> None:
        """Before anything is spent: data that are learnt from, or with nobody in them to find."""
        dataset = self._asked.held_out
        if dataset is None or is_any_round_done(self._store):
            return
        if dataset.resolve() == self._data.resolve():
            raise UserError(f"--held-out: {dataset} is what is learnt from; want data that are held out")
        version = version_of(dataset, self._asked.held_out_version, "--held-out-version")
        known = {*self._detector.classes}
        if not any(known & {*image.classes} for image in read_images(dataset, version)):
            raise UserError(f"--held-out: {dataset} has nobody whom the detector knows: {', '.join(sorted(known))}")

    def _refuse_leaks(self) -> None:
        version = self._asked.held_out_version
        known = {sample.sample_token for sample in read(self._data)}
        if shared := sum(sample.sample_token in known for sample in read(self._held_out, version)):
            raise UserError(
                f"{self._held_out}: {shared} of its samples are in {self._data} too, which is learnt from; "
                "want data that are held out"
            )
