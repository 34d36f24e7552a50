"""The page of a campaign: what failed and why, what it all took, and who worked when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

from av_synth.farm.status.snapshot import ADVICE
from av_synth.farm.status.words import duration, size
from av_synth.report import campaign_charts as charts
from av_synth.report.campaign_facts import COMMITTED, Attempt, CampaignFacts, scenario
from av_synth.report.html_page import link, several, table

_MOST_GIVEN_UP, _MOST_OPEN = 500, 20
_MOST_CHARACTERS = 1000  # of a message; all of it is in the evidence


def given_up(facts: CampaignFacts, folder: Path) -> Iterator[str]:
    """Runs in quarantine, with what is kept of each attempt; `folder` is where the page is."""
    if not facts.given_up:
        return
    yield "<h2>Quarantined runs</h2><p><code>av-synth retry</code> has them made again.</p>"
    is_open = " open" if len(facts.given_up) <= _MOST_OPEN else ""
    for lost in facts.given_up[:_MOST_GIVEN_UP]:
        run = lost.run
        what = f"{escape(scenario(run))} in {escape(run.town)}, seed {run.recipe.seed}"
        yield f"<details{is_open}><summary>{link(lost.folder, folder, run.run_id)} {what}</summary><ul>"
        for number, one in lost.evidence.items():
            there = [lost.folder / f"attempt-{number}", *sorted(lost.folder.glob(f"attempt-{number}.*"))]
            kept = (*(attempt / "failure.json" for attempt in there), *one.logs)
            files = " ".join(link(path, folder, path.name) for path in kept)
            where = f" on {escape(one.machine)}" if one.machine else ""
            yield f'<li>attempt {number}{where}: <b class="bad">{one.kind.value}</b> {escape(one.error)}'
            yield f"<br>{escape(one.message[:_MOST_CHARACTERS])}<br>{files}"
        if not lost.evidence:
            yield f"<li>{escape(lost.problem or 'nothing is kept of its attempts')}"
        yield "</ul></details>"
    more = len(facts.given_up) - _MOST_GIVEN_UP
    if more > 0:
        yield f"<p>{more:,} runs more.</p>"


def failed(facts: CampaignFacts) -> Iterator[str]:
    """Attempts that failed: when, and by class and error."""
    found = [one for one in facts.attempts if one.outcome in ADVICE]
    if not found:
        return
    yield f"<h2>Failed attempts</h2><figure class=chart>{charts.failures(facts.attempts)}</figure>"
    alike: dict[tuple[str, str], list[Attempt]] = {}
    for one in found:
        alike.setdefault((one.outcome, one.error), []).append(one)
    yield from table(
        ("class", "error", "attempts", "runs", "nodes", "what to do"),
        (
            (
                f'<span class="kind"><i class="{kind}"></i> {kind}</span>',
                escape(error),
                len(some),
                len({one.run_id for one in some}),
                several(one.machine for one in some),
                _code(ADVICE[kind]),
            )
            for (kind, error), some in sorted(alike.items(), key=lambda each: -len(each[1]))
        ),
    )


def cost(facts: CampaignFacts) -> Iterator[str]:
    """Hours and bytes, in all, a run and a keyframe."""
    yield "<h2>What it took</h2>"
    done = [one for one in facts.attempts if one.outcome == COMMITTED]
    others = [one for one in facts.attempts if one.outcome != COMMITTED]
    known = {one.run_id for one in done}
    keyframes = sum(one.keyframes for one in facts.made)
    counted = sum(one.keyframes for one in facts.made if one.run.run_id in known)
    cpu_s, amount = sum(one.cpu_s for one in done), sum(one.bytes for one in facts.made)
    wall_s = sum(one.ended_s - one.begun_s for one in done)

    def each(total: float, count: int, say: Callable[[float], str]) -> str:
        return say(total / count) if count else ""

    yield from table(
        ("", "in all", "a run", "a keyframe"),
        (
            ("time of cores", f"{cpu_s / 3600:,.2f} h", *(each(cpu_s, n, _seconds) for n in (len(done), counted))),
            ("time of workers", f"{wall_s / 3600:,.2f} h", *(each(wall_s, n, _seconds) for n in (len(done), counted))),
            ("bytes", size(amount), *(each(amount, n, size) for n in (len(facts.made), keyframes))),
        ),
    )
    if others:
        wasted_s = sum(one.ended_s - one.begun_s for one in others)
        yield f"<p>Beside that, {len(others):,} attempts that came to nothing took {duration(wasted_s)} of workers.</p>"
    unknown = sum(one.run.run_id not in known for one in facts.made)
    if unknown:
        yield f"<p>Of {unknown:,} committed runs no event tells the cost: their driver ended before it could.</p>"


def _seconds(value: float) -> str:
    return f"{value:,.2f} s"


def workers(facts: CampaignFacts) -> Iterator[str]:
    """What each worker did when."""
    if not facts.attempts:
        return
    names = {run.run_id: f"{scenario(run)} {run.run_id}" for run in facts.planned}
    outcomes = sorted({one.outcome for one in facts.attempts})
    legend = " ".join(f'<span><i class="{name.replace(" ", "-")}"></i> {name}</span>' for name in outcomes)
    yield f'<h2>Workers</h2><p class="legend">{legend}</p><figure class=chart>'
    yield charts.timeline(facts.attempts, lambda run_id: names.get(run_id, run_id)) + "</figure>"


def _code(text: str) -> str:
    return re.sub("`(.*?)`", r"<code>\1</code>", text)
