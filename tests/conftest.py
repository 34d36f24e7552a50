"""What every test shares: the CPU budget by suite, and a client whose Traffic Manager does not hang."""

from __future__ import annotations

import os
import resource
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import lost_wakeups
from tests.browser import Chromium, launched

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = Path(__file__).parent
# the same examples every time, however slow the machine
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")
# a hundred child processes read what the first of them has compiled, whatever the environment would have
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# bodies are procedural, whatever looks this machine has
os.environ["AV_SYNTH_ASSETS"] = "none"
_spent_s: dict[str, float] = defaultdict(float)
_processes: dict[str, int] = defaultdict(int)


def pytest_sessionstart() -> None:
    """Before the first test."""
    lost_wakeups.watch()


def _budget_s() -> dict[str, float]:
    found: dict[str, float] = tomllib.loads((TESTS / "budget.toml").read_text())["cpu_s"]
    return found


def _suite(nodeid: str) -> str:
    return nodeid.removeprefix("tests/").partition("::")[0].partition("/")[0].removesuffix(".py")


class _BySuite(LoadScopeScheduling):
    """A suite stays in one process, whatever they are: its simulators and datasets are made once."""

    def _split_scope(self, nodeid: str) -> str:
        return _suite(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Who of several processes plays what."""
    return _BySuite(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes begin with the dearest suites, so that they end together."""
    if hasattr(config, "workerinput"):
        budget_s = _budget_s()
        items.sort(key=lambda item: (-budget_s.get(_suite(item.nodeid), 0.0), _suite(item.nodeid)))


def _cpu_s(who: int) -> float:
    spent = resource.getrusage(who)
    return spent.ru_utime + spent.ru_stime


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    before = _cpu_s(resource.RUSAGE_SELF), _cpu_s(resource.RUSAGE_CHILDREN)
    result = yield
    suite = _suite(item.nodeid)
    _spent_s[suite] += _cpu_s(resource.RUSAGE_SELF) - before[0]
    # with the last test end the simulators that all suites have shared, and only now is what they took known
    _spent_s[suite if nextitem else "shared"] += _cpu_s(resource.RUSAGE_CHILDREN) - before[1]
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several says what it has spent; it has 10 s to end, and what it has run may take longer to write."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["spent_s"] = dict(_spent_s)
        counting = coverage.Coverage.current()
        if counting is not None:  # `make coverage`
            counting.stop()
            counting.save()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes has ended, or died, which tells nothing."""
    for suite, spent_s in getattr(node, "workeroutput", {}).get("spent_s", {}).items():
        _spent_s[suite] += spent_s
        _processes[suite] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """CPU seconds by suite beside its budget; simulators count when they have ended."""
    budget = _budget_s()
    terminalreporter.section("CPU seconds by suite (budget)")
    for suite in sorted(_spent_s):
        over = "  OVER" if _spent_s[suite] > budget.get(suite, 0) else ""
        split = "  IN TWO PROCESSES" if _processes[suite] > 1 and suite != "shared" else ""
        terminalreporter.write_line(f"{suite:<16} {_spent_s[suite]:7.1f} ({budget.get(suite, 0)}){over}{split}")
    terminalreporter.write_line(f"{'all':<16} {sum(_spent_s.values()):7.1f} ({sum(budget.values())})")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The one browser in which all pages are tested."""
    with launched() as browser:
        yield browser
