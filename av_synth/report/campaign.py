"""A campaign as one HTML file: what was asked, what was made, what failed and why, what it took, who worked when.

It needs nothing beside itself, no script, and is light or dark as its reader's desktop is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

from av_synth.errors import StoreError, UserError
from av_synth.farm.model import PlannedRun
from av_synth.farm.status import words
from av_synth.farm.status.snapshot import ADVICE
from av_synth.farm.status.words import duration, size
from av_synth.report.campaign_facts import COMMITTED, CampaignFacts, Made, read_campaign, rig, scenario
from av_synth.report.campaign_trouble import cost, failed, given_up, workers
from av_synth.report.html_page import head, link, refuse_folder, several, table
from av_synth.report.thumbnails import thumbnail
from av_synth.store import replace_file

_PICTURE_PX = 320
_PICTURES_BYTES = 3_000_000  # of all pictures together, before they are written as text
_MOST_ROWS, _MOST_TEXT = 2000, 100_000


def write_campaign_report(store: Path, out: Path | None = None) -> Path:
    """Write the page of a campaign, of whatever is in its store by now.

    Args:
        store: the store's folder.
        out: the file to write, replaced if it is there; None for `<store>/report/index.html`.

    Returns:
        The page.

    Raises:
        UserError: if the store has no plan, or no page can be written where it is asked for.
        StoreError: if the store cannot be read or written to.
    """
    page = store / "report" / "index.html" if out is None else out
    refuse_folder(page, "index.html")
    text = "\n".join(_page(read_campaign(store), page.parent)) + "\n"
    try:
        replace_file(page, text.encode(errors="replace"))
    except StoreError as error:
        if out is None:
            raise
        raise UserError(f"{error}; want a file in a folder that can be written to") from error
    return page


def _page(facts: CampaignFacts, folder: Path) -> Iterator[str]:
    yield from head(escape(facts.name), pictures=True)
    if facts.description:
        yield f"<p>{escape(facts.description)}</p>"
    yield from _head(facts)
    yield from _asked(facts)
    yield from _made(facts)
    yield from _pictures(facts, folder)
    yield from given_up(facts, folder)
    yield from failed(facts)
    yield from cost(facts)
    yield from workers(facts)
    yield from _all_runs(facts, folder)


def _head(facts: CampaignFacts) -> Iterator[str]:
    made, lost, left = len(facts.made), len(facts.given_up), facts.remaining
    damaged = sum(bool(one.problem) for one in facts.made)
    verdict = "all runs are committed" if not lost + left else f"{lost:,} in quarantine, {left:,} remaining"
    verdict += f"; {damaged:,} damaged" if damaged else ""
    verdict += f"; {words.left(facts.left_s)}" if left and facts.left_s is not None else ""
    kind = "bad" if lost + damaged else "soft" if left else "good"
    yield f'<p><b class="{kind}">{verdict}</b></p><div class="bar">'
    for name, count in ((COMMITTED, made), ("quarantined", lost), ("remaining", left)):
        if count:
            yield f'<span class="{name}" style="flex-grow:{count}">{count:,} {name}</span>'
    yield "</div>"
    tiles = {
        f"of {len(facts.planned):,} runs": f"{made:,}",
        "met their expectations": f"{sum(one.good for one in facts.made):,}",
        "keyframes": f"{sum(one.keyframes for one in facts.made):,}",
        "committed": size(sum(one.bytes for one in facts.made)),
        "failed attempts": f"{sum(one.outcome in ADVICE and one.outcome != 'cancelled' for one in facts.attempts):,}",
    }
    yield '<div class="tiles">'
    yield from (f"<div><b>{value}</b>{name}</div>" for name, value in tiles.items())
    yield "</div>"


def _asked(facts: CampaignFacts) -> Iterator[str]:
    yield "<h2>What was asked</h2>"
    made, lost = {one.run.run_id: one for one in facts.made}, {one.run.run_id for one in facts.given_up}
    entries: dict[int, list[PlannedRun]] = {}
    for run in facts.planned:
        entries.setdefault(run.entry, []).append(run)
    yield from table(
        ("entry", "scenario", "rig", "town", "asked", "committed", "met", "quarantined", "remaining"),
        (
            (
                entry + 1,
                several(map(scenario, runs)),
                several(map(rig, runs)),
                several(run.town for run in runs),
                len(runs),
                sum(run.run_id in made for run in runs),
                sum(run.run_id in made and made[run.run_id].good for run in runs),
                sum(run.run_id in lost for run in runs),
                sum(run.run_id not in made and run.run_id not in lost for run in runs),
            )
            for entry, runs in sorted(entries.items())
        ),
    )
    if facts.text:
        text = escape(facts.text[:_MOST_TEXT])
        yield f"<details><summary>the campaign as it was written</summary><pre>{text}</pre></details>"


def _made(facts: CampaignFacts) -> Iterator[str]:
    yield "<h2>What was made</h2>"
    if not facts.made:
        yield "<p>Nothing yet.</p>"
        return
    ways: dict[str, Callable[[Made], str]] = {
        "scenario": lambda one: scenario(one.run),
        "town": lambda one: one.run.town,
        "weather": lambda one: one.weather,
    }
    groups: dict[tuple[str, str], list[Made]] = {}
    for way, of in ways.items():
        for one in sorted((one for one in facts.made if not one.problem), key=of):
            groups.setdefault((way, of(one)), []).append(one)
    yield from table(
        ("by", "", "committed", "met their expectations", "did not", "keyframes", "bytes"),
        [
            (
                way,
                escape(name),
                len(some),
                sum(one.good for one in some),
                sum(not one.good for one in some),
                sum(one.keyframes for one in some),
                size(sum(one.bytes for one in some)),
            )
            for (way, name), some in groups.items()
        ],
    )
    for one in facts.made:
        if one.problem:
            yield f'<p class="bad">{escape(one.problem)}</p>'


def _pictures(facts: CampaignFacts, folder: Path) -> Iterator[str]:
    """One picture a scenario: of a run that met its expectations if there is one, at the moment that is about."""
    yield "<h2>What it looks like</h2><div class=sheet>"
    room, left_out = _PICTURES_BYTES, 0
    chosen: dict[str, Made] = {}
    for one in sorted(facts.made, key=lambda one: not one.good):
        if not one.problem:
            chosen.setdefault(scenario(one.run), one)
    for name, one in sorted(chosen.items()):
        try:
            picture = thumbnail(one.folder, one.moment_us, _PICTURE_PX) if room > 0 else b""
        except StoreError as error:
            yield f'<figure class="bad">{escape(str(error))}</figure>'
            continue
        if picture == b"":
            left_out += 1
            continue
        image = "<div class=none>no camera in its rig</div>"
        if picture is not None:
            room -= len(picture)
            source = base64.b64encode(picture).decode("ascii")
            image = f'<img src="data:image/jpeg;base64,{source}" alt="{escape(name)}">'
        facts_of_it = f"{escape(one.run.town)}, {escape(one.weather)}, seed {one.run.recipe.seed}"
        where = link(one.folder, folder, one.run.run_id)
        yield f"<figure>{image}<figcaption><b>{escape(name)}</b><br>{facts_of_it}<br>{where}</figcaption></figure>"
    yield f"</div><p>{left_out:,} scenarios more.</p>" if left_out else "</div>"


def _all_runs(facts: CampaignFacts, folder: Path) -> Iterator[str]:
    shown = facts.made[:_MOST_ROWS]
    if not shown:
        return
    more = f", the first {len(shown):,}" if len(shown) < len(facts.made) else ""
    took = {one.run_id: one.ended_s - one.begun_s for one in facts.attempts if one.outcome == COMMITTED}
    yield f"<h2>Runs</h2><details><summary>all committed runs{more}</summary>"
    what = ("run", "scenario", "seed", "rig", "town", "weather", "expectations", "never began", "keyframes")
    yield from table(
        (*what, "bytes", "took"),
        (
            (
                link(one.folder, folder, one.run.run_id),
                escape(scenario(one.run)),
                one.run.recipe.seed,
                escape(rig(one.run)),
                escape(one.run.town),
                escape(one.weather),
                f'<span class="{"good" if one.good else "bad"}">{one.held} of {one.expectations}</span>',
                escape(", ".join(one.never_began)),
                one.keyframes,
                size(one.bytes),
                duration(took[one.run.run_id]) if one.run.run_id in took else "",
            )
            for one in shown
        ),
    )
    yield "</details>"
