"""What happened in a run, and whether it was what was asked, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTED = frozenset({"trigger", "seen", "brake", "contact"})
"""Kinds of events that pictures and lists tell of; the page of a run in 3D tells of all."""


def event_words(names: Mapping[int, str], kind: str, actor_id: int, other_id: int, detail: Mapping[str, object]) -> str:
    """What an event was, in words.

    Args:
        names: roles by actor.
        kind: as `director.Event` has it.
        actor_id: who; 0 for nobody.
        other_id: the other party; 0 for nobody.
        detail: as `director.Event` has it.
    """
    who = str(detail.get("role") or names.get(actor_id) or "something")
    whom = names.get(other_id, "somebody else")
    if "signals" in detail:
        return f"the lights change{_colon(detail['signals'])}"
    if "weather" in detail:
        return f"the weather changes{_weather_words(detail['weather'])}"
    fault = detail.get("fault")
    if isinstance(fault, dict):
        return f"{fault['sensor']} fails: {fault['kind'].replace('_', ' ')}"
    did = str(detail.get("do") or detail.get("event") or "begins").replace("_", " ")
    told = {
        "trigger": f"{who}: {did}",
        "seen": f"{who} sees {whom}",
        "brake": f"{who} brakes for {whom}",
        "resume": f"{who} drives on",
        "contact": f"{who} touches {whom}",
        "not_placed": f"{who} found no room",
        "placed_in_another": f"{who} stands in something else",
        "not_done": f"{who}: {did}, not done",
    }
    return told.get(kind, f"{who}: {kind.replace('_', ' ')}")


def _weather_words(change: object) -> str:
    """Such as ' over 3 s: rain 30 mm/h, wetness 80'."""
    if not isinstance(change, Mapping):
        return ""
    over = f" over {change['over_s']:g} s" if change.get("over_s") else ""
    return over + _colon({name: value for name, value in change.items() if name != "over_s"})


def _colon(values: object) -> str:
    """Names and their values in words, behind a colon; nothing if there are none."""
    if not isinstance(values, Mapping) or not values:
        return ""
    told = []
    for name, value in values.items():
        what, unit = name.removesuffix("_mm_h"), " mm/h" if name.endswith("_mm_h") else ""
        shown = f"{value:g}{unit}" if isinstance(value, float | int) else str(value).replace("_", " ")
        told.append(shown if name == "preset" else f"{what.replace('_', ' ')} {shown}")
    return ": " + ", ".join(told)


def expectation_words(expectation: Mapping[str, Any]) -> str:
    """An expectation as it stands in an outcome, in words: what was asked, what came."""
    asked, reached = expectation.get("asked"), expectation.get("reached")
    if isinstance(asked, dict):
        bounds = (f"{asked[end]:g}" if end in asked else "..." for end in ("min", "max"))
        wanted = "asked {} to {}".format(*bounds)
    else:
        wanted = f"asked {_plain(asked)}"
    got = "never" if reached is None else _plain(reached)
    return f"{expectation.get('name')}: {got}  ({wanted}: {'held' if expectation.get('held') else 'NOT HELD'})"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float | int) else str(value)
