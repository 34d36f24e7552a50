"""How a campaign is told in words: durations, sizes, one line an event, one line for everything."""

from __future__ import annotations

import time
from collections.abc import Mapping

from av_synth.farm.model import Event, PlannedRun
from av_synth.farm.status.eta import Span
from av_synth.farm.status.snapshot import CampaignSnapshot, Trouble, trouble

_MOST_CHARACTERS = 400  # of a message: its log has the rest
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86400.0


def clean(text: str) -> str:
    """Text from outside on one line, without what would steer a terminal or turn the direction of writing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def duration(seconds: float) -> str:
    """Such as '48 s', '12 min', '2 h 45 min' or '3 d 4 h'."""
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < 2 * _DAY_S:
        hours, minutes = divmod(round(seconds / _MINUTE_S), 60)
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / _HOUR_S), 24)
    return f"{days} d {hours} h"


def size(amount: float) -> str:
    """Bytes, such as '34 MB' or '13.2 GB'; of a thousand each."""
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}"
        amount /= 1000.0
    return f"{amount:,.1f} GB"


def counts(snapshot: CampaignSnapshot) -> str:
    """How many runs are where."""
    there = f"{snapshot.committed:,} of {snapshot.planned:,} committed, {snapshot.quarantined:,} quarantined"
    return f"{there}, {snapshot.remaining:,} remaining ({snapshot.running:,} running)"


def pace(snapshot: CampaignSnapshot) -> str:
    """How fast it goes, how much there is, and when it ends."""
    parts = [
        "" if snapshot.runs_per_h is None else f"{snapshot.runs_per_h:,.0f} runs/h",
        "" if snapshot.frames_per_s is None else f"{snapshot.frames_per_s:,.0f} frames/s",
        size(snapshot.bytes),
        "" if snapshot.left_s is None or not snapshot.remaining else left(snapshot.left_s),
    ]
    return ", ".join(part for part in parts if part)


def left(span: Span) -> str:
    """How long it still takes, with the range."""
    return f"about {duration(span.middle)} left ({around(span)})"


def around(span: Span) -> str:
    """Such as '4 min to 6 min'."""
    return f"{duration(span.low)} to {duration(span.high)}"


def of_run(run: PlannedRun | None) -> str:
    """What a run plays and where."""
    return "" if run is None else f"{clean(run.recipe.scenario.removesuffix('.yaml'))} in {clean(run.town)}"


def _of_trouble(failed: Trouble) -> str:
    """A failure, where it was, and where to read more."""
    where = f" on {clean(failed.machine)}" if failed.machine else ""
    log = f" (log: {clean(failed.log)})" if failed.log else ""
    message = clean(failed.message)
    if len(message) > _MOST_CHARACTERS:
        message = message[:_MOST_CHARACTERS] + " ..."
    return f"attempt {failed.attempt}{where}: {failed.kind}: {clean(failed.error)}: {message}{log}"


def told(event: Event, runs: Mapping[str, PlannedRun]) -> str | None:
    """One line for an event; None for those that are not worth one."""
    what = event.get("event")
    run = runs.get(str(event.get("run", "")))
    if what == "committed":
        how = f"{event['frames']:,} frames in {duration(event['wall_s'])}" if event["played"] else "was there already"
        text = f"{of_run(run)}, {how}" + ("" if event["held"] else ", expectations NOT HELD")
        text += f", never began: {never} of its events" if (never := event.get("never_began")) else ""
    elif what == "failed":
        failed = trouble(event)
        text = f"{of_run(run)}, {_of_trouble(failed)}; {failed.advice}"
    elif what == "quarantined":
        text = f"{of_run(run)}, given up: {clean(str(event.get('why') or str(event['attempts']) + ' attempts failed'))}"
    elif what == "released" and "damaged" in event:
        text = f"{of_run(run)}, is kept in quarantine/.released and played again: {clean(str(event['damaged']))}"
    elif what == "lost":
        text = f"worker {event['slot']} on {clean(str(event['machine']))}: {clean(str(event['why']))}"
    elif what == "paused":
        text = f"for {duration(event['for_s'])}: {clean(str(event['why']))}"
    elif what in ("breaker", "draining"):
        text = clean(str(event["why"]))
    else:
        return None
    clock = time.strftime("%H:%M:%S", time.localtime(event["t"]))
    return f"{clock}  {what:<11}  " + (f"{clean(str(event['run']))}  " if "run" in event else "") + text
