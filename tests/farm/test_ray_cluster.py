"""A Ray whose machines come and go, and one whose driver is killed: `make test` has no time for so many of them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from stand_in import planned, setting

from av_synth.farm.model import Committed, Job, Lost, Report, Started
from av_synth.farm.workers.ray_farm import RayRunner
from av_synth.farm.workers.ray_worker import Needs
from tests.launch.processes import still_there, watched

pytestmark = pytest.mark.long
LONG_S = 120.0  # nothing here takes so long, however busy the machine
DRIVER = """
import json, sys
from pathlib import Path
from stand_in import planned, setting
from av_synth.farm.workers import ray_farm
from av_synth.farm.workers.ray_worker import Needs
from av_synth.farm.model import Job, Started
root = Path(sys.argv[1])
with ray_farm.connected("local", 1):
    behaviour = {"*": {"do": "hang"}}
    runner = ray_farm.RayRunner(lambda slot: setting(root, slot, runs=behaviour, child=["cat"]), Needs(), 1)
    runner.start(0, Job(planned(0), 1))
    while True:
        for report in runner.poll(60.0):
            if isinstance(report, Started):
                print(json.dumps(report.pids), flush=True)
"""


def test_a_driver_that_is_killed_leaves_no_process_of_its_own_ray_and_no_folder(tmp_path):
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        worker = json.loads(driver.stdout.readline())
        below = psutil.Process(driver.pid).children(recursive=True)
        names = {process.pid: " ".join(process.cmdline()) for process in below}
        (guard,) = psutil.Process(driver.pid).children()
        folder = Path(next(word for word in guard.cmdline()[-1].split('"') if "av-synth-ray-" in word))
        assert folder.is_dir()
        with watched(guard.pid) as handles:
            driver.kill()
            assert still_there(handles) == []

    # the guard is the last to go: Ray's own agents would see only a minute later that they are alone
    assert set(worker) <= {process.pid for process in below}
    assert any("Agent" in name for name in names.values())
    assert [names[one.pid] for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert not folder.exists()


def test_slots_follow_the_machines_of_a_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, connect=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "resources": {}}
    )
    try:
        with closing(RayRunner(lambda slot: setting(tmp_path, slot, frames=1), Needs())) as runner:
            assert len(runner.slots()) == 1
            machine = cluster.add_node(num_cpus=2)
            while len(runner.slots()) < 3:
                assert list(runner.poll(0.1)) == []
            for slot in range(3):
                runner.start(slot, Job(planned(slot), 1))
            reports: list[Report] = []
            while sum(isinstance(one, Committed) for one in reports) < 3:
                reports += runner.poll(LONG_S)

            cluster.remove_node(machine, allow_graceful=False)
            lost: set[int] = set()
            while len(lost) < 2:
                lost |= {one.slot for one in runner.poll(LONG_S) if isinstance(one, Lost)}
            while len(runner.slots()) != 1:
                assert not [one for one in runner.poll(0.1) if isinstance(one, Started)]
            (left,) = runner.slots()
            assert left.number not in lost
            runner.start(left.number, Job(planned(7), 1))
            reports = []
            while not any(isinstance(one, Committed) for one in reports):
                reports += runner.poll(LONG_S)
    finally:
        ray.shutdown()
        cluster.shutdown()
