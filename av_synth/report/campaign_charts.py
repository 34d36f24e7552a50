"""Charts of a campaign as SVG: what each worker did when, and when attempts failed. Colours are the page's classes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape

from av_synth.farm.model import FailureClass
from av_synth.farm.status.words import clean, duration
from av_synth.report.campaign_facts import Attempt

_WIDTH, _LEFT, _GAP = 1000.0, 130.0, 14.0
_CHART_PX, _LANES_PX, _LANE_PX = 130.0, 640.0, 16.0
_BINS = 48
_LONG_GAP_S, _LONG_GAP = 60.0, 0.05  # or of the time worked, if that is more: longer ones, such as a night, are cut out
_KINDS = tuple(kind.value for kind in FailureClass)
_MOST_TITLES = 3000  # attempts; of more, the page would be large for what nobody points at


class Axis:
    """Time from left to right, without the times in which nobody worked."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        """Cut the gaps out of the time from the first to the last of some attempts."""
        spans: list[list[float]] = []
        for attempt in sorted(attempts, key=lambda one: one.begun_s):
            if spans and attempt.begun_s <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], attempt.ended_s)
            else:
                spans.append([attempt.begun_s, attempt.ended_s])
        worked_s = sum(end - begin for begin, end in spans)
        self.spans: list[tuple[float, float]] = []
        for begin, end in spans:
            if self.spans and begin - self.spans[-1][1] <= max(_LONG_GAP_S, _LONG_GAP * worked_s):
                self.spans[-1] = (self.spans[-1][0], end)
            else:
                self.spans.append((begin, end))
        shown_s = sum(end - begin for begin, end in self.spans) or 1.0
        self.px_per_s = (_WIDTH - _LEFT - _GAP * (len(self.spans) - 1)) / shown_s

    def px(self, moment_s: float) -> float:
        """Where a moment is."""
        x = _LEFT
        for begin, end in self.spans:
            if moment_s <= end:
                return x + max(0.0, moment_s - begin) * self.px_per_s
            x += (end - begin) * self.px_per_s + _GAP
        return _WIDTH

    def marks(self, height: float) -> Iterator[str]:
        """Names of the beginnings, as far as they have room, a line where time was cut out, and the end."""
        free = _LEFT
        for k, (begin, _) in enumerate(self.spans):
            x = self.px(begin)
            if k:
                middle = x - _GAP / 2
                yield f'<line class="cut" x1="{middle:.1f}" y1="0" x2="{middle:.1f}" y2="{height:.0f}"/>'
            if x >= free and x < _WIDTH - 260:
                yield f'<text x="{x:.1f}" y="{height + 14:.0f}">{clock(begin)}</text>'
                free = x + 130
        end = clock(self.spans[-1][1])
        yield f'<text x="{_WIDTH:.0f}" y="{height + 14:.0f}" text-anchor="end">{end}</text>'


def clock(moment_s: float) -> str:
    """A moment for people, such as '2026-03-01 14:05 UTC'."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment_s))


def timeline(attempts: Sequence[Attempt], name_of: Callable[[str], str]) -> str:
    """A lane for each worker, a bar for each attempt.

    Args:
        attempts: at least one.
        name_of: what the run of an id plays.
    """
    axis = Axis(attempts)
    lanes = sorted({(one.machine, one.slot) for one in attempts})
    place = {lane: k for k, lane in enumerate(lanes)}
    step = min(_LANE_PX, max(3.0, _LANES_PX / len(lanes)))
    every = max(1, round(11.0 / step))  # lanes a name
    parts = [
        f'<text x="0" y="{(k + 0.5) * step + 4:.1f}">{escape(clean(f"{slot} {machine}")[:20])}</text>'
        for (machine, slot), k in place.items()
        if k % every == 0
    ]
    for one in attempts:
        x, width = axis.px(one.begun_s), max(1.0, axis.px(one.ended_s) - axis.px(one.begun_s))
        y, height = place[one.machine, one.slot] * step, max(2.0, step - 2.0)
        box = f'<rect class="{_class(one)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        parts.append(f"{box}>{_title(one, name_of)}</rect>" if len(attempts) <= _MOST_TITLES else f"{box}/>")
    return _svg([*parts, *axis.marks(step * len(lanes))], step * len(lanes), "what each worker did when")


def failures(attempts: Sequence[Attempt]) -> str:
    """How many attempts failed when, by class; at least one did."""
    axis = Axis(attempts)
    counts: Counter[tuple[int, str]] = Counter()
    for one in attempts:
        if one.outcome in _KINDS:
            share = (axis.px(one.ended_s) - _LEFT) / (_WIDTH - _LEFT)
            counts[min(_BINS - 1, int(share * _BINS)), one.outcome] += 1
    tallest = max(sum(counts[k, kind] for kind in _KINDS) for k in range(_BINS))
    width, parts = (_WIDTH - _LEFT) / _BINS, [f'<text x="0" y="12">{tallest:,} failed</text>']
    for k in range(_BINS):
        y = _CHART_PX
        for kind in _KINDS:
            height = counts[k, kind] * (_CHART_PX - 4.0) / tallest
            y -= height
            if height:
                place = f'x="{_LEFT + k * width:.1f}" y="{y:.1f}" width="{width - 2:.1f}" height="{height:.1f}"'
                parts.append(f'<rect class="{kind}" {place}><title>{counts[k, kind]:,} {kind}</title></rect>')
    return _svg([*parts, *axis.marks(_CHART_PX)], _CHART_PX, "failed attempts over time")


def _class(attempt: Attempt) -> str:
    return attempt.outcome.replace(" ", "-")


def _title(one: Attempt, name_of: Callable[[str], str]) -> str:
    what = f"{one.outcome} ({one.error})" if one.error else one.outcome
    words = f"{name_of(one.run_id)}, attempt {one.number}: {what} after {duration(one.ended_s - one.begun_s)}"
    return f"<title>{escape(clean(words))}</title>"


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    view = f'viewBox="0 0 {_WIDTH:.0f} {height + 20:.0f}"'
    return f'<svg {view} role="img" aria-label="{label}">{"".join(parts)}</svg>'
