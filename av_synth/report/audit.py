"""An audit as one HTML file: findings, what is in a dataset, what of it is covered, and what would fill the gaps.

It needs nothing beside itself, no script, and is light or dark as its reader's desktop is.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from av_synth.audit import Audit
from av_synth.audit.model import Coverage, PairTable, SliceContents
from av_synth.report.html_page import head, refuse_folder, table
from av_synth.store import replace_file

_STYLE = """
.findings { list-style: none; padding: 0 } .findings li { padding: .5em .8em; background: var(--panel);
  border-left: 4px solid var(--line); border-radius: 3px } .findings b { margin-right: .6em }
.serious { border-color: var(--bad) !important } .warning { border-color: var(--environmental) !important }
.slices { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1.2em 2.5em }
.slices h3 { margin: 0; font-size: 1em } .slices p { margin: .1em 0 .5em; font-size: .85em; color: var(--soft) }
.value { display: grid; grid-template-columns: 11em 1fr 8.8em; gap: .7em; align-items: center; font-size: .85em }
.value span { overflow-wrap: anywhere } .value .count { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; color: var(--soft) }
.track { background: var(--panel); border-radius: 2px } .track div { border-radius: 2px; height: .75em;
  background: var(--good) } .track .other { height: .3em; background: var(--environmental); margin-top: 1px }
.pairs { display: flex; flex-wrap: wrap; gap: 1.5em 3em; align-items: flex-start; overflow-x: auto }
.pairs table { font-size: .8em }
.pairs caption { text-align: left; padding-bottom: .4em } .pairs th, .pairs td { border: 0; padding: .25em .5em }
.pairs td { text-align: center; min-width: 2em; border-radius: 2px; background:
  color-mix(in srgb, var(--good) calc(var(--k) * 100%), var(--panel)) } .pairs .none { padding: .25em .5em;
  background: none; outline: 1px solid var(--bad); outline-offset: -2px; color: var(--bad) }
.pairs .never { background: none; color: var(--soft) }
"""
_KEY = (
    '<p class="legend"><span><i style="background:var(--good)"></i> this dataset</span>'
    '<span><i style="background:var(--environmental)"></i> {other}</span></p>'
)
_MEASURES = """
<h2>How it is measured</h2>
<ul class="soft">
<li>Alarms that have a probability are what chance does in fewer than 1 of 200 datasets, for all alarms of one kind
together (Holm 1979). Chance deals scenes, because samples of one scene are alike.</li>
<li>Diversity of a slice is exp of Shannon's entropy of its shares: so many equally frequent values are as diverse.</li>
<li>Distinct samples are the Vendi score (Friedman and Dieng 2023) of a Gaussian kernel over who is there, how near and
how fast, the weather, the light and a coarse image, by 128 random Fourier features (Ospanov et al. 2024): 128 at
most.</li>
<li>Near-duplicates have images whose perceptual hashes (Zauner 2010) differ in at most 6 of 64 bits, and somebody of
the same class within 0.5 m of everybody.</li>
<li>PSI is the population stability index: above 0.1 something moved, above 0.25 much (Siddiqi 2006). Divergence is
Jensen and Shannon's (Lin 1991), 0 to 1 bit.</li>
</ul>
"""


def write_audit_page(audit: Audit, page: Path) -> Path:
    """Write the page of an audit, in place of one that is there.

    Args:
        audit: what was found.
        page: the file.

    Returns:
        The page.

    Raises:
        UserError: if a folder is there.
        StoreError: if it cannot be written.
    """
    refuse_folder(page, "audit.html")
    replace_file(page, ("\n".join(_page(audit)) + "\n").encode(errors="replace"))
    return page


def _page(audit: Audit) -> Iterator[str]:
    yield from head(escape(f"Audit of {audit.dataset}"), style=_STYLE)
    yield from _summary(audit)
    yield from _findings(audit)
    yield from _contents(audit)
    yield from _coverage(audit)
    yield from _duplicates(audit)
    yield from _drift(audit)
    if audit.campaign:
        yield "<h2>A campaign that fills the largest gaps</h2>"
        yield f"<pre>{escape(audit.campaign)}</pre>"
    yield _MEASURES


def _summary(audit: Audit) -> Iterator[str]:
    beside = [f"beside {' and '.join(audit.against)}"] if audit.against else []
    beside += [f"for the design domain {audit.odd}"] if audit.odd else []
    if beside:
        yield f'<p class="soft">{escape(", ".join(beside))}</p>'
    found = len(audit.alarms)
    verdict = f"{found} alarm{'s' * (found != 1)}" if found else "no alarm"
    yield f'<p><b class="{"bad" if found else "good"}">{verdict}</b></p><div class="tiles">'
    other = audit.diversity.other_effective_samples
    tiles = {
        "scenes": f"{audit.scenes:,}",
        "samples": f"{audit.samples:,}",
        "annotations": f"{audit.annotations:,}",
        "distinct samples in effect": f"{audit.diversity.effective_samples:.1f}",
        **({"of the other dataset": f"{other:.1f}"} if other is not None else {}),
        "repeat another scene": f"{audit.duplicates.across / max(audit.duplicates.samples, 1):.0%}",
    }
    yield from (f"<div><b>{value}</b>{name}</div>" for name, value in tiles.items())
    yield "</div>"


def _findings(audit: Audit) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not audit.findings:
        yield "<p>None.</p>"
        return
    yield '<ul class="findings">'
    for finding in audit.findings:
        head = f"{finding.severity}: {finding.kind}"
        yield f'<li class="{finding.severity}"><b>{escape(head)}</b>{escape(finding.words)}'
    yield "</ul>"


def _contents(audit: Audit) -> Iterator[str]:
    yield "<h2>What is in it</h2>"
    if audit.against:
        yield _KEY.format(other=escape(" and ".join(audit.against)))
    yield '<div class="slices">'
    for each in audit.contents:
        yield from _slice(each)
    yield "</div>"


def _slice(each: SliceContents) -> Iterator[str]:
    what = "samples" if each.of_sample else "things in samples"
    most = max((max(value.share, value.other_share or 0.0) for value in each.values), default=0.0) or 1.0
    yield f"<section><h3>{escape(each.name)}</h3>"
    yield f"<p>{escape(each.about)}; {what}, as diverse as {each.effective_values:.1f} values</p>"
    for value in each.values:
        other = value.other_share
        beside = "" if other is None else f'<div class="other" style="width:{other / most:.1%}"></div>'
        shares = f"{value.share:.1%}" + ("" if other is None else f" / {other:.1%}")
        title = f"{value.count:,} {what} in {value.scenes:,} scenes"
        yield (
            f'<div class="value" title="{escape(value.value)}: {title}"><span>{_breakable(value.value)}</span>'
            f'<div class="track"><div style="width:{value.share / most:.1%}"></div>{beside}</div>'
            f'<span class="count">{shares}</span></div>'
        )
    yield "</section>"


def _breakable(name: str) -> str:
    """A name, escaped, that may go on in another line behind its dots."""
    return escape(name).replace(".", ".<wbr>").replace(".<wbr>.<wbr>", "..")


def _coverage(audit: Audit) -> Iterator[str]:
    for each in audit.coverage:
        what = "of the design domain" if each.kind == "domain" else "of the scenario"
        yield f"<h2>Coverage {what} {escape(each.what)}</h2>"
        yield f"<p>{_covered(each)}</p>"
        if each.tables:
            yield '<p class="soft">How many scenes have each pair of values; 0 is in red, what cannot be is a dot.</p>'
            yield '<div class="pairs">'
            for pair in each.tables:
                yield from _pair(pair)
            yield "</div>"
        if each.missing:
            yield f"<details><summary>missing combinations ({len(each.missing)} of them)</summary><ul>"
            for cell in each.missing:
                yield f"<li>{escape(', '.join(f'{axis} {value}' for axis, value in cell.items()))}"
            yield "</ul></details>"


def _covered(each: Coverage) -> str:
    share = each.covered / max(each.possible, 1)
    what = "axes" if each.kind == "domain" else "parameters"
    text = (
        f"{each.covered:,} of {each.possible:,} combinations of {each.strength} {what} ({share:.0%}) "
        f"in {each.scenes:,} scenes."
    )
    if each.expected is not None:
        text += f" As many draws at random cover {each.expected / max(each.possible, 1):.0%}."
    return text


def _pair(pair: PairTable) -> Iterator[str]:
    most = max((count or 0 for row in pair.scenes for count in row), default=0) or 1
    first, second = map(escape, pair.axes)
    heads = "".join(f"<th>{_breakable(column)}" for column in pair.columns)
    yield f"<table><caption>{first} by {second}</caption><tr><th>{heads}</tr>"
    for name, counts in zip(pair.rows, pair.scenes, strict=True):
        cells = (
            '<td class="never">·'
            if count is None
            else f'<td style="--k:{0.15 + 0.7 * count / most:.2f}">{count}'
            if count
            else '<td class="none">0'
            for count in counts
        )
        yield f"<tr><th>{_breakable(name)}{''.join(cells)}</tr>"
    yield "</table>"


def _duplicates(audit: Audit) -> Iterator[str]:
    found = audit.duplicates
    yield "<h2>Near-duplicates</h2>"
    unread = f" {found.unread:,} have no image that can be read." if found.unread else ""
    yield f"<p>Of {found.samples:,} samples {found.across:,} repeat one of another scene,"
    yield f"{found.within:,} an earlier one of their own.{unread}</p>"
    if found.before:
        yield f"<p>{found.before:,} repeat one of the other dataset.</p>"
    for scenes, of in ((found.scenes, "repeats"), (found.scenes_before, "repeats, of the other dataset")):
        if scenes:
            rows = [(escape(pair.scene), escape(pair.first), pair.samples) for pair in scenes]
            yield from table(("scene", of, "samples"), rows)


def _drift(audit: Audit) -> Iterator[str]:
    if not audit.drift:
        return
    yield "<h2>Drift</h2>"
    rows = [
        (each.slice, f"{each.psi:.3f}", f"{each.divergence_bits:.3f}", f"{each.p:.4f}")
        for each in sorted(audit.drift, key=lambda drift: -drift.psi)
    ]
    yield from table(("slice", "PSI", "divergence, bits", "probability by chance"), rows)
