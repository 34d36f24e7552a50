"""Figures of a campaign for Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from av_synth.farm.model import Advanced, Event
from av_synth.farm.status.metrics import FILE, Metrics
from av_synth.farm.status.progress import Progress
from tests.farm.campaign_events import HOSTILE, Clock, committed, failed, opened, planned, quarantined, started

CLOSED = {"event": "closed", "t": 0.0, "exit_code": 3}


class Farm:
    """A driver's events, told to both."""

    def __init__(self, store: Path, runs: int) -> None:
        self.clock, self.runs, self.path = Clock(), planned(runs), store / FILE
        self.progress = Progress(self.runs, clock=self.clock)
        self.metrics = Metrics(store, self.progress, clock=self.clock)

    def tell(self, *events: Event | Advanced) -> None:
        for event in events:
            self.progress.tell(event)
            self.metrics.tell(event)

    def read(self) -> dict[str, float]:
        """Samples by name and label values."""
        families = text_string_to_metric_families(self.path.read_text())
        samples = [sample for family in families for sample in family.samples]
        return {".".join([one.name, *(one.labels[key] for key in sorted(one.labels))]): one.value for one in samples}


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    return Farm(tmp_path, 6)


def test_runs_attempts_workers_and_restarts_are_counted(farm: Farm):
    runs = farm.runs
    farm.tell(opened(orphans=2), started(runs[0], 0), started(runs[1], 1), committed(runs[0], 0))
    farm.tell(failed(runs[1], 1), started(runs[2], 0), failed(runs[2], 0, error="stalled"))
    farm.tell({"event": "lost", "t": 0.0, "slot": 1, "machine": "here", "why": HOSTILE})
    farm.tell(failed(runs[1], 1, error="worker lost"), started(runs[1], 1))
    farm.tell(failed(runs[4], 1, "environmental", error="MachineError"), failed(runs[4], 1, "cancelled"))
    farm.tell(failed(runs[4], 1, error="not committed"), failed(runs[4], 1, "deterministic", error="DataError"))
    farm.tell(failed(runs[1], 1, "deterministic", error="CastError"), quarantined(runs[1]), started(runs[3], 0))
    farm.clock.now_s += 10.0
    farm.tell(Advanced(0, runs[3].run_id, 1, 40))
    read = farm.read()

    assert {name: value for name, value in read.items() if "_total" in name} == {
        "av_synth_runs_total.committed": 1,
        "av_synth_runs_total.quarantined": 1,
        "av_synth_runs_total.running": 1,
        "av_synth_runs_total.waiting": 3,
        "av_synth_attempts_total.committed": 1,
        "av_synth_attempts_total.transient": 4,
        "av_synth_attempts_total.deterministic": 2,
        "av_synth_attempts_total.environmental": 1,
        "av_synth_attempts_total.cancelled": 1,
        "av_synth_sim_restarts_total.worker lost": 1,
        "av_synth_sim_restarts_total.attempt failed": 3,
        "av_synth_sim_restarts_total.stalled": 1,
        "av_synth_sim_restarts_total.deadline": 0,
        "av_synth_orphans_killed_total": 2,
    }
    assert (read["av_synth_worker_busy.here.0"], read["av_synth_worker_busy.here.1"]) == (1, 0)
    assert read["av_synth_disk_free_bytes"] > 0


def test_seconds_of_a_tick_leave_out_what_comes_before_a_runs_first_frame(farm: Farm):
    for run in farm.runs[:2]:
        farm.tell(started(run), Advanced(0, run.run_id, 0, 40))
        farm.clock.now_s += 60.0  # a town is loaded
        farm.tell(Advanced(0, run.run_id, 10, 40))
        farm.clock.now_s += 3.0
        farm.tell(Advanced(0, run.run_id, 20, 40))
        farm.tell(committed(run))
    farm.tell(CLOSED)
    read = farm.read()

    assert read["av_synth_tick_seconds_count"] == 2
    assert read["av_synth_tick_seconds_sum"] == pytest.approx(0.6)
    assert read["av_synth_tick_seconds_bucket.0.5"] == 2
    assert read["av_synth_tick_seconds_bucket.0.2"] == 0


def test_the_file_is_written_at_the_first_event_then_every_few_seconds_and_at_the_end(farm: Farm):
    farm.tell(opened())
    farm.path.unlink()
    farm.tell(started(farm.runs[0]))
    assert not farm.path.exists()
    farm.clock.now_s += 5.0
    farm.tell(Advanced(0, farm.runs[0].run_id, 1, 40))
    assert farm.path.exists()
    farm.path.unlink()
    farm.metrics.beat()
    assert not farm.path.exists()
    farm.clock.now_s += 5.0
    farm.metrics.beat()  # nothing happens, and the disk may be full
    assert farm.path.exists()
    farm.path.unlink()
    farm.tell(CLOSED)

    assert [path.name for path in farm.path.parent.iterdir()] == [FILE]


def test_two_campaigns_in_one_process_do_not_share_figures_nor_add_to_those_of_others(tmp_path: Path):
    farms = [Farm(tmp_path / name, 2) for name in ("a", "b")]
    for farm in farms:
        farm.path.parent.mkdir()
    farms[0].tell(started(farms[0].runs[0]), committed(farms[0].runs[0]), CLOSED)
    farms[1].tell(CLOSED)

    assert farms[0].read()["av_synth_runs_total.committed"] == 1
    assert farms[1].read()["av_synth_runs_total.committed"] == 0
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("av_synth")]


def test_a_file_that_cannot_be_written_ends_no_campaign(farm: Farm, tmp_path: Path):
    (tmp_path / FILE / "in the way").mkdir(parents=True)
    farm.tell(opened(), CLOSED)

    assert farm.progress.snapshot().note == "closed with exit status 3"


def test_hostile_names_stay_in_their_labels(farm: Farm):
    farm.tell({**started(farm.runs[0]), "machine": HOSTILE}, opened(1))
    farm.tell({**started(farm.runs[0]), "machine": HOSTILE})
    farm.clock.now_s += 60.0
    farm.tell(Advanced(0, farm.runs[0].run_id, 1, 40))

    assert farm.read()[f"av_synth_worker_busy.{HOSTILE}.0"] == 1
