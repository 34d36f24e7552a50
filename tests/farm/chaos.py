"""Runs seeded schedules: `python -m tests.farm.chaos 1000`, or `--seed 17` for one of them, its store kept.

Exit status 1 if anything was found. Each failing seed is told as it fails, and what it left is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import wait
from pathlib import Path

from tests.farm import reader

ROOT = Path(__file__).parents[2]
DECOY = "CarlaUE4-Linux"
COUNTS = (
    ("lost", ("I3: ", "I5: ")),
    ("duplicated", ("I1: ",)),
    ("torn", ("I2: ", "I4: ")),
    ("orphans", ("I6: ",)),
    ("attempts", ("I7: ", "I8: ")),
)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.farm.chaos", description=__doc__)
    parser.add_argument("schedules", nargs="?", type=int, default=0, help="how many, of seeds from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, action="append", default=[], help="this one; may be given often")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", type=Path, default=None, help="folder for what failing schedules leave")
    parser.add_argument("--lines", action="store_true", help="each outcome as a line of JSON, and nothing else")
    told = parser.parse_args(arguments)
    seeds = [*range(told.first, told.first + told.schedules), *told.seed]
    keep = told.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    keep.mkdir(parents=True, exist_ok=True)
    if os.environ.get(reader.MARKER):
        return _play(seeds, keep)
    outcomes = []
    began_s = time.monotonic()
    for line in _players(seeds, keep, told.jobs):
        outcome = json.loads(line)
        outcomes.append(outcome)
        if told.lines:
            _say(line.rstrip())
            continue
        for finding in outcome["findings"]:
            _say(f"seed {outcome['seed']}: {finding}\n    it is kept in {keep / str(outcome['seed'])}")
        if len(outcomes) % 50 == 0:
            bad = sum(bool(one["findings"]) for one in outcomes)
            _say(f"{len(outcomes)} of {len(seeds)}, {bad} with findings, {time.monotonic() - began_s:.0f} s")
    if not told.lines:
        _table(outcomes)
    if len(outcomes) != len(seeds):
        _say(f"{len(seeds) - len(outcomes)} schedules did not end")
        return 1
    if any(one["findings"] for one in outcomes):
        return 1
    if told.keep is None:
        shutil.rmtree(keep)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _players(seeds: Sequence[int], keep: Path, jobs: int) -> Iterator[str]:
    """The lines that processes with a marker of their own write, each about a share of the seeds."""
    shares = [share for share in (seeds[k::jobs] for k in range(jobs)) if share]
    players = []
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])  # for workers that start fresh
    for share in shares:
        command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "tests.farm.chaos"]
        command += ["--keep", str(keep), *(f"--seed={seed}" for seed in share)]
        environment = os.environ | {reader.MARKER: uuid.uuid4().hex, "PYTHONPATH": path}
        players.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    try:
        open_ = {player.stdout.fileno(): player for player in players if player.stdout}
        while open_:
            for handle in wait(list(open_)):
                line = open_[handle].stdout.readline()
                if line:
                    yield line
                else:
                    del open_[handle]
    finally:
        for player in players:
            player.kill()
            player.wait()


def _play(seeds: Sequence[int], keep: Path) -> int:
    from av_synth.launch.tree import adopt_orphans
    from tests.farm import nemesis, ordeal, victim

    victim.warm()
    adopt_orphans()
    with decoy() as pid:
        marker = os.environ[reader.MARKER]
        ground = ordeal.Ground(keep, marker, pid)
        for seed in seeds:
            outcome = ordeal.suffer(nemesis.draw(seed), ground)
            _say(json.dumps(asdict(outcome)))
    return 0


@contextmanager
def decoy() -> Iterator[int]:
    """A process of the name of CARLA's server that belongs to nobody; yields its id."""
    code = f"import sys; open('/proc/self/comm', 'w').write('{DECOY}'); print(flush=True); sys.stdin.read()"
    environment = {name: value for name, value in os.environ.items() if name != reader.MARKER}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def _table(outcomes: Sequence[dict[str, object]]) -> None:
    fired = Counter(name for one in outcomes for name in one["fired"])
    _say(
        f"{len(outcomes)} schedules, {sum(fired.values())} faults, {sum(len(one['lives']) for one in outcomes)} drivers"
    )
    for name, count in sorted(fired.items()):
        _say(f"    {name:<45} {count:>6}")
    findings = [finding for one in outcomes for finding in one["findings"]]
    for name, starts in COUNTS:
        _say(f"{name:<12} {sum(finding.startswith(starts) for finding in findings):>6}")
    cpu_s = [one["cpu_s"] for one in outcomes]
    if cpu_s:
        gone_s = max(one["gone_s"] for one in outcomes)
        _say(f"seconds until no process was left after a driver's end: {gone_s:.2f} at most")
        _say(f"CPU seconds a schedule: {sum(cpu_s) / len(cpu_s):.2f} on average, {max(cpu_s):.2f} at most")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
