"""`av-synth status`: how far a campaign is, whether its farm works or is dead."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from av_synth.cli.output import console, say
from av_synth.errors import StoreError
from av_synth.farm.model import Event
from av_synth.farm.records import quarantine
from av_synth.farm.status.state import Pace, StoreState
from av_synth.farm.status.words import around, duration, left
from av_synth.store import refuse_strangers

_MOST_NAMED = 20


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("status")(status)


def status(
    store: Path = typer.Argument(help="The folder that `av-synth campaign --out` writes."),
    deep: bool = typer.Option(False, "--deep", help="Read every file and compare its hash."),
    as_json: bool = typer.Option(False, "--json", help="As JSON, for programs."),
    html: Path | None = typer.Option(None, "--html", help="Write a page with pictures and charts to this file, too."),
) -> None:
    """Tell how far a campaign is: what is there, what was given up, who is at it, how long it will take.

    Only the store is read, so it makes no difference whether the farm works or is dead. Nothing is changed. Runs count
    as damaged without a manifest, with a missing file, or a table or document of another size; --deep sees the rest.
    Where runs are committed to an address (`av-synth campaign --commit-to`), that is listed too.

    Example: av-synth status out/night --html night.html
    """
    if html is not None:
        from av_synth.report.html_page import is_page

        refuse_strangers("--html", html, "page of a campaign", is_page)
    state = StoreState.read(store, deep=deep)
    if html is not None:
        from av_synth.report.campaign import write_campaign_report  # tables and pictures, which take a while to import

        write_campaign_report(store, html)
    if as_json:
        say(json.dumps(asdict(state), default=str, indent=1))
        return
    rows = list(_rows(state, deep))
    if html is not None:
        rows.append(("page", str(html)))
    if not console.is_terminal:
        for name, text in rows:
            say(f"{name}: {text}")
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print(table)


def _rows(state: StoreState, deep: bool) -> Iterator[tuple[str, str]]:
    yield "runs", _counts(state)
    if state.object_store:
        yield "committed to", f"{state.object_store}, where they are listed; bringing one here compares its hashes"
    yield "driver", _driver(state)
    if state.pace:
        yield "pace", _pace(state.pace, bool(state.remaining))
    if state.failures:
        yield "failed attempts", ", ".join(f"{count} {kind}" for kind, count in state.failures.items())
    for slot, event in state.slots.items() if state.driver else ():
        yield f"worker {slot}", _event(event)
    for run_id in state.quarantined[:_MOST_NAMED]:
        why = state.given_up.get(run_id)
        yield f"quarantined {run_id}", (f"{why}; " if why else "") + _evidence(state.store, run_id)
    for run_id, why in list(state.damaged.items())[:_MOST_NAMED]:
        yield f"damaged {run_id}", why
    for run_id, why in list(state.other.items())[:_MOST_NAMED]:
        yield f"of another version {run_id}", why
    more = sum(max(0, len(found) - _MOST_NAMED) for found in (state.quarantined, state.damaged, state.other))
    if more:
        yield "more of these", f"{more} (all with --json)"
    if state.unknown:
        named = ", ".join(state.unknown[:3]) + (", ..." if len(state.unknown) > 3 else "")
        yield "not planned", f"{_count(len(state.unknown), 'run')}, left alone: {named}"
    if state.unreadable:
        yield "journal", f"not what was written: {', '.join(state.unreadable[:_MOST_NAMED])}; no run is lost by that"
    for advice in _advice(state, deep):
        yield "next", advice


def _counts(state: StoreState) -> str:
    parts = [f"{len(state.committed)} of {len(state.planned)} committed ({state.bytes / 1e9:.2f} GB)"]
    if state.not_held:
        parts[0] += f", {len(state.not_held)} of them with expectations that did not hold"
    if state.never_began:
        parts[0] += f", {len(state.never_began)} of them with events that never began"
    parts += [
        f"{len(found)} {name}"
        for name, found in (
            ("quarantined", state.quarantined),
            ("damaged", state.damaged),
            ("of another version", state.other),
        )
        if found
    ]
    return ", ".join([*parts, f"{len(state.remaining)} remaining"])


def _driver(state: StoreState) -> str:
    if state.driver:
        return f"{state.driver}" + (", asked to stop" if state.stopping else "")
    if state.last is None:
        return "none yet"
    if state.last.get("event") == "closed":
        return f"none; the last one ended with exit status {state.last.get('exit_code')}"
    return f"none; the last one died after: {_event(state.last)}"


def _event(event: Event) -> str:
    """An event in a line: what, which run, where, why and when."""
    parts = [str(event.get("event")), str(event.get("run", ""))]
    if "attempt" in event:
        parts.append(f"(attempt {event['attempt']})")
    if event.get("machine"):
        parts.append(f"on {event['machine']}")
    if "t" in event:
        parts.append(time.strftime("at %H:%M:%S", time.localtime(float(event["t"]))))
    why = event.get("why") or event.get("message")
    return " ".join(filter(None, parts)) + (f": {why}" if why else "")


def _pace(pace: Pace, going_on: bool) -> str:
    text = (
        f"{duration(pace.run_s.middle)} a run ({around(pace.run_s)}), {pace.runs_per_h:.0f} runs an hour and "
        f"{pace.frames_per_s:.1f} frames a second with {_count(pace.workers, 'worker')}"
    )
    return f"{text}; {left(pace.left_s)}" if going_on and pace.left_s is not None else text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _evidence(store: Path, run_id: str) -> str:
    try:
        kept = quarantine.evidence(store, run_id)
    except StoreError as error:
        return str(error)
    if not kept:
        return "no evidence"
    number, failure = max(kept.items())
    log = f" ({failure.logs[0]})" if failure.logs else ""
    message = failure.message.partition("\n")[0]
    how = f"{failure.kind.value}: {failure.error}: {message}{log}"
    return f"{_count(len(kept), 'attempt')}, number {number} on {failure.machine}: {how}"


def _advice(state: StoreState, deep: bool) -> Iterator[str]:
    if state.driver:
        return
    if state.quarantined:
        yield f"av-synth retry {state.store}: what is in quarantine is to be made again"
    if state.other:
        yield "the av_synth that wrote the runs of another version goes on here; this one needs another --out"
    elif state.remaining or state.damaged:
        kept = f"; what is damaged is kept in {quarantine.FOLDER}/, and made again" if state.damaged else ""
        yield f"the command that began the campaign{' --deep' * deep} resumes it{kept}"
    elif state.committed:
        yield f"av-synth export {state.store}: what is committed as a dataset"
