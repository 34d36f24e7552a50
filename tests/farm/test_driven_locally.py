"""A campaign on real worker processes of this machine, with real deaths."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from fake_farm import check, events
from stand_in import planned, setting

from av_synth import store as stores
from av_synth.farm.dispatch.driver import Ended, drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import Advanced
from av_synth.farm.records.quarantine import listed
from av_synth.farm.workers.local import LocalRunner
from av_synth.launch.stall import Patience

SOON = Rules(run_bytes=1, retry_s=0.01, patience=Patience(begin_s=60.0, tick_s=4.0, end_s=60.0))
PLAN = [planned(number) for number in range(8)]
MISHAPS = {
    1: {"do": "kill", "at": 3, "attempts": 1},
    2: {"do": "raise", "error": "DataError", "message": "NaN"},
    3: {"do": "stop", "at": 2, "attempts": 1},
    4: {"do": "raise", "error": "SensorMissError", "attempts": 2},
    5: {"do": "exit", "at": 5},
}


def driven(store: Path, rules: Rules, mishaps: Mapping[int, Any], **how: Any) -> Ended:
    behaviours = {PLAN[number].run_id: behaviour for number, behaviour in mishaps.items()}
    store.mkdir(exist_ok=True)
    with closing(LocalRunner([setting(store, slot, runs=behaviours, child=["cat"]) for slot in (0, 1)])) as farm:
        ended = drive(PLAN, store, farm, rules, **how)
    check(PLAN, store)
    return ended


def contents(store: Path) -> dict[str, bytes]:
    files = [path for run in stores.runs(store) for path in sorted(run.rglob("*.*"))]
    return {str(path.relative_to(store)): path.read_bytes() for path in files}


def test_whatever_kills_workers_every_good_run_is_committed_once_with_the_same_bytes_and_nothing_is_left(tmp_path):
    assert driven(tmp_path / "calm", SOON, {}) == Ended(0, "", 8, 0, 0)
    assert driven(tmp_path / "wild", SOON, MISHAPS) == Ended(3, "", 6, 2, 0)

    assert set(listed(tmp_path / "wild")) == {PLAN[2].run_id, PLAN[5].run_id}
    calm, wild = contents(tmp_path / "calm"), contents(tmp_path / "wild")
    assert len(wild) > 6
    assert all(calm[name] == data for name, data in wild.items())
    failed = Counter((event["run"], event["error"]) for event in events(tmp_path / "wild", "failed"))
    assert failed[PLAN[2].run_id, "DataError"] == 2
    assert failed[PLAN[3].run_id, "stalled"] >= 1
    assert failed[PLAN[4].run_id, "SensorMissError"] == 2
    assert failed[PLAN[5].run_id, "worker lost"] == 3
    assert all(Path(log).is_file() for event in events(tmp_path / "wild", "failed") for log in event["logs"])
    pids = {pid for event in events(tmp_path / "wild", "started") for pid in event["pids"]}
    assert len(pids) >= 4
    assert pids.isdisjoint(process.pid for process in psutil.Process().children(recursive=True))
    stores.clear_staging(tmp_path / "wild")
    assert not list((tmp_path / "wild" / "staging").iterdir())


def test_a_second_interrupt_kills_what_is_being_played_and_the_same_call_goes_on(tmp_path):
    hanging = PLAN[3].run_id

    def interrupt(event: Mapping[str, Any] | Advanced) -> None:
        if event.run_id == hanging if isinstance(event, Advanced) else event["event"] == "draining":
            os.kill(os.getpid(), signal.SIGINT)

    ended = driven(tmp_path, Rules(run_bytes=1), {3: {"do": "hang"}}, on_event=interrupt)

    assert ended.exit_code == 130
    assert ended.remaining >= 1
    assert {event["charged"] for event in events(tmp_path, "failed")} == {False}
    assert driven(tmp_path, Rules(run_bytes=1), {}) == Ended(0, "", 8, 0, 0)
