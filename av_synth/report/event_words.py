"""What happened in a run, in words."""

from __future__ import annotations

from collections.abc import Mapping

NOTED = frozenset({"trigger", "seen", "brake", "contact"})
"""Kinds of events that are told of."""


def event_words(names: Mapping[int, str], kind: str, actor_id: int, other_id: int, detail: Mapping[str, object]) -> str:
    """What an event was, in words.

    Args:
        names: roles by actor.
        kind: one of `NOTED`.
        actor_id: who; 0 for nobody.
        other_id: the other party; 0 for nobody.
        detail: as `director.Event` has it.
    """
    who = str(detail.get("role") or names.get(actor_id) or "something")
    whom = names.get(other_id, "somebody else")
    if "signals" in detail:
        return f"the lights change: {detail['signals']}"
    if "weather" in detail:
        return f"the weather changes: {detail['weather']}"
    fault = detail.get("fault")
    if isinstance(fault, dict):
        return f"{fault['sensor']} fails: {fault['kind'].replace('_', ' ')}"
    if kind == "trigger":
        did = str(detail.get("do") or detail.get("event") or "begins")
        return f"{who}: {did.replace('_', ' ')}"
    return {"seen": f"{who} sees {whom}", "brake": f"{who} brakes for {whom}"}.get(kind, f"{who} touches {whom}")
