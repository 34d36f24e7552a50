"""CARLA's own smoke tests against the embedded simulator: which of them pass, as a table and as JSON.

    make carla-smoke CARLA_PYTHONAPI=/path/to/carla/PythonAPI
    python -m tools.carla_smoke /path/to/carla/PythonAPI --module client --module sync

The tests are CARLA's (`PythonAPI/test/smoke` of its sources) and are not part of this package. Each is run in a process
of its own, on a simulator with the names of CARLA's towns; the first of a module, and one after a failure, on a fresh
simulator. The exit status is 0 if at least four in five of those that count passed, 1 if not, 2 if they could not run.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

_MODULES = """
client sync sensor_determinism collision_determinism vehicle_physics vehicle_telemetry vehicle_wheel_steer_angle
props_loading sensor_tick_time map road_lane_api snapshot lidar streamming spawnpoints blueprint collision_sensor world
determinism actor_introspection geoconversion walker_bounding_box recorder replay_no_actor_aliasing
traffic_manager_control traffic_manager_large_vehicle walker_navigation traffic_light dvs
"""
WANTED_SHARE = 0.8
DO_NOT_PASS = {
    "actor_introspection: test_vehicle_sockets_consistent": "Bodies have no sockets; the call is refused.",
    "actor_introspection: test_walker_bones": "Walkers have no bones; the call is refused.",
    "collision_sensor: test_single_car": "Wants a wall where CARLA's own town has one.",
    "recorder: both tests": "They spawn `vehicle.lincoln.mkz`, which CARLA 0.9.16 does not have either.",
    "walker_bounding_box: test_walker_bounding_box_has_relative_offset": "Wants what CARLA mended after 0.9.16.",
    "spawnpoints: test_spawn_points": "Spawns each car at each point of each map; ended before its end.",
}
"""What `docs/simulator.md` says of the tests that count and do not pass."""
PASSED, FAILED, NOT_COUNTED = "passed", "failed", "does not count"
_WANTS = "want the folder PythonAPI of CARLA's sources: make carla-smoke CARLA_PYTHONAPI=/path/to/carla/PythonAPI"
_TOWN = "Town03"  # what their tearDown loads, so that all but the first begin in it, and some count on it
# what the children do: they are given the folder of the package `smoke`, and the working folder is one of ours, for
# some tests write files where they are
_RUN = """
import sys, unittest
sys.path.insert(0, sys.argv[1])
import smoke
smoke.TESTING_ADDRESS = ("127.0.0.1", int(sys.argv[2]))
unittest.main(None, argv=["smoke", sys.argv[3]], verbosity=2)
"""
_LIST = """
import sys, unittest
sys.path.insert(0, sys.argv[1])
def walk(suite):
    for each in suite:
        walk(each) if isinstance(each, unittest.TestSuite) else print("test", each.id())
for name in sys.argv[2:]:
    try:
        __import__(name)
    except Exception:  # running it will say why
        print("test", name)
    else:
        walk(unittest.defaultTestLoader.loadTestsFromName(name))
"""
_LACKS = re.compile(
    r"AttributeError: (?:module 'carla(?:\.command)?'|type object '(\w+)'|'(\w+)' object) has no attribute '(\w+)'"
)


@dataclass(frozen=True)
class Outcome:
    """What came of one test: `result` is passed, failed or does not count, `reason` says why where it did not pass."""

    module: str
    test: str
    result: str
    reason: str
    seconds: float


@dataclass(frozen=True)
class _Plan:
    tests: Path  # the folder with `smoke/` in it
    port: int
    limit_s: float
    log: IO[str]
    home: str  # where children write, the client's cache of map files included


def main(argv: Sequence[str] | None = None) -> int:
    """Run them and tell; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.carla_smoke", description=__doc__.splitlines()[0])
    parser.add_argument("pythonapi", help="CARLA's folder PythonAPI")
    parser.add_argument("--module", action="append", choices=_MODULES.split(), help="this one only; may be given again")
    parser.add_argument("--limit", type=float, default=1800.0, metavar="S", help="seconds that a test may take")
    parser.add_argument("--port", type=int, help="0 for a free one; the one that the tests name if not given")
    parser.add_argument("--json", type=Path, default=Path("out/carla-smoke.json"), help="where the results go")
    options = parser.parse_args(argv)
    tests = Path(options.pythonapi).resolve() / "test"
    if not options.pythonapi or not (tests / "smoke" / "__init__.py").is_file():
        print(f"no test/smoke/__init__.py in {options.pythonapi!r}; {_WANTS}", file=sys.stderr)
        return 2
    port = _port(tests / "smoke" / "__init__.py") if options.port is None else options.port
    options.json.parent.mkdir(parents=True, exist_ok=True)
    with options.json.with_suffix(".log").open("w") as log, tempfile.TemporaryDirectory() as home:
        plan = _Plan(tests, port, options.limit, log, home)
        outcomes = []
        for outcome in _outcomes(plan, options.module or _MODULES.split()):
            outcomes.append(outcome)
            print(_row(outcome), flush=True)
            options.json.write_text(json.dumps(_summary(outcomes), indent=1) + "\n")
    summary = _summary(outcomes)
    print(f"{summary['passed']} of {summary['counted']} that count passed: {100 * summary['share']:.0f} %")
    return 0 if summary["share"] >= WANTED_SHARE else 1


def _outcomes(plan: _Plan, modules: Sequence[str]) -> Iterator[Outcome]:
    """One test after the other; a simulator serves a module, or until a test fails on it."""
    there = [module for module in modules if (plan.tests / "smoke" / f"test_{module}.py").is_file()]
    for module in modules:
        if module not in there:
            yield Outcome(module, "", NOT_COUNTED, "not in this PythonAPI", 0.0)
    waiting = _listed(plan, there)
    while waiting:
        serves = waiting[0][0]
        with _simulator(plan) as port:
            while waiting and waiting[0][0] == serves:
                outcome = _run(plan, *waiting.pop(0), port)
                yield outcome
                if outcome.result != PASSED:
                    break


def _listed(plan: _Plan, modules: Sequence[str]) -> list[tuple[str, str]]:
    """Module and id of each test; those of a module that cannot be imported are one, called as the module."""
    names = [f"smoke.test_{module}" for module in modules]
    command = [sys.executable, "-c", _LIST, str(plan.tests), *names]
    said = subprocess.run(command, cwd=plan.home, stdout=subprocess.PIPE, text=True)  # noqa: S603  what the user names
    ids = [line.split()[1] for line in said.stdout.splitlines() if line.startswith("test ")]
    return [(each.split(".")[1].removeprefix("test_"), each) for each in ids]


def _run(plan: _Plan, module: str, test: str, port: int) -> Outcome:
    """One test in a process of its own."""
    began = time.monotonic()
    command = [sys.executable, "-c", _RUN, str(plan.tests), str(port), test]
    environment = os.environ | {"HOME": plan.home}
    try:
        done = subprocess.run(  # noqa: S603  a test that the user named
            command,
            cwd=plan.home,
            env=environment,
            timeout=plan.limit_s,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired as late:
        said = late.output or b""
        plan.log.write(f"== {test}\n{said.decode(errors='replace') if isinstance(said, bytes) else said}\n")
        result, reason = FAILED, f"no end within {plan.limit_s:g} s"
    else:
        plan.log.write(f"== {test}\n{done.stdout}\n")
        result, reason = _judge(done.returncode, done.stdout)
    plan.log.flush()
    return Outcome(
        module,
        test.removeprefix(f"smoke.test_{module}").lstrip("."),
        result,
        reason,
        round(time.monotonic() - began, 1),
    )


def _judge(status: int, said: str) -> tuple[str, str]:
    """Result and reason of a test's exit status and what it said."""
    if status == 0:
        skipped = re.search(r"\.\.\. skipped (.*)", said)
        return (NOT_COUNTED, f"skips itself: {skipped[1]}") if skipped else (PASSED, "")
    lacks = _LACKS.search(said)
    if lacks and _wheel_lacks(lacks[1] or lacks[2], lacks[3]):
        return NOT_COUNTED, f"calls what the 0.9.16 wheel lacks: {'.'.join(filter(None, lacks.groups()))}"
    if status < 0:
        return FAILED, f"ended by signal {-status}"
    raised = re.findall(r"^\w[\w.]*(?:Error|Exception|Failed|Empty)\b.*", said, re.MULTILINE)
    return FAILED, (raised[-1] if raised else said.strip().splitlines()[-1])[:300]


def _wheel_lacks(kind: str | None, name: str) -> bool:
    """Whether the installed client has no such name, in the module or in a class of it."""
    import carla

    place = carla if kind is None else getattr(carla, kind, None)
    return place is not None and not hasattr(place, name) and not hasattr(carla.command, name)


@contextmanager
def _simulator(plan: _Plan) -> Iterator[int]:
    """A fresh simulator with the names of CARLA's towns; its port."""
    command = [sys.executable, "-m", "av_synth.simulator", "--port", str(plan.port), "--with-parent"]
    command += ["--town", _TOWN, "--alias", "carla", "--recordings", tempfile.gettempdir()]  # where the tests record to
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LP_NATIVE_VECTOR_WIDTH": "256"}  # as launch/ does
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=plan.log, text=True, env=environment
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("ready "):
            print(f"the simulator did not start; see {plan.log.name}", file=sys.stderr)
            raise SystemExit(2)
        yield int(line.split()[1].rsplit(":", 1)[1])
    finally:
        process.kill()
        process.communicate()


def _port(module: Path) -> int:
    """The port of TESTING_ADDRESS."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TESTING_ADDRESS":
            return int(ast.literal_eval(node.value)[1])
    print(f"{module}: no TESTING_ADDRESS = (HOST, PORT); give --port", file=sys.stderr)
    raise SystemExit(2)


def _row(outcome: Outcome) -> str:
    reason = f"  {outcome.reason}" if outcome.reason else ""
    return f"{outcome.module:<28} {outcome.test:<70} {outcome.result:<14} {outcome.seconds:7.1f} s{reason}"


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    counted = [outcome for outcome in outcomes if outcome.result != NOT_COUNTED]
    passed = sum(outcome.result == PASSED for outcome in counted)
    return {
        "carla": "0.9.16",
        "passed": passed,
        "counted": len(counted),
        "share": round(passed / len(counted), 4) if counted else 0.0,
        "tests": [asdict(outcome) for outcome in outcomes],
    }


if __name__ == "__main__":
    sys.exit(main())
