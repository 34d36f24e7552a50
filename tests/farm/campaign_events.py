"""Planned runs and events for tests of what is seen of a campaign."""

from __future__ import annotations

from typing import Any

from av_synth.farm.model import PlannedRun, Recipe

HOSTILE = '<script>alert("x")</script>\x1b[31m\x07[bold]&amp;\n\u202eevil'


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def planned(count: int, town: str = "AvSynth01", scenario: str = "cut_in.yaml", first: int = 0) -> list[PlannedRun]:
    return [PlannedRun(f"{k:020x}", Recipe(scenario, "tiny.yaml", k), town) for k in range(first, first + count)]


def opened(workers: int = 2, orphans: int = 0) -> dict[str, Any]:
    return {"event": "opened", "t": 0.0, "pid": 1, "machine": "here", "workers": workers, "orphans": orphans}


def started(run: PlannedRun, slot: int = 0, attempt: int = 1, t: float = 0.0) -> dict[str, Any]:
    who = {"run": run.run_id, "attempt": attempt, "slot": slot, "machine": "here"}
    return {"event": "started", "t": t, **who, "pids": [1]}


def committed(run: PlannedRun, slot: int = 0, wall_s: float = 10.0, **other: Any) -> dict[str, Any]:
    who = {"run": run.run_id, "attempt": 1, "slot": slot, "machine": "here"}
    figures = {"wall_s": wall_s, "cpu_s": 2 * wall_s, "bytes": 30_000_000, "frames": 40, "played": True, "held": True}
    return {"event": "committed", "t": 0.0, **who, **figures, **other}


def failed(run: PlannedRun, slot: int = 0, kind: str = "transient", **other: Any) -> dict[str, Any]:
    who = {"run": run.run_id, "attempt": 1, "slot": slot, "machine": "here"}
    why = {"kind": kind, "error": "ConnectionLostError", "message": "no answer", "logs": ["logs/w.log"]}
    return {"event": "failed", "t": 0.0, **who, **why, "charged": True, **other}


def quarantined(run: PlannedRun) -> dict[str, Any]:
    return {"event": "quarantined", "t": 0.0, "run": run.run_id, "attempts": 3, "why": "it failed twice alike"}
