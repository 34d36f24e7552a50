"""A verification as files: report.json with every figure, index.html to look at, quarantine.json of what is unfit."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from av_synth.errors import StoreError, UserError
from av_synth.verify.findings import CHECKS, Finding, VerifyReport
from av_synth.verify.measures import QUANTITIES
from av_synth.verify.reading.values import json_of
from av_synth.verify.report.links import PageLinks
from av_synth.verify.report.pictures import Shot, worst_labels
from av_synth.verify.verifier import reopen

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; padding: 0 1em; color: #1c1c1c }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2em .9em .2em 0; border-bottom: 1px solid #ddd; vertical-align: top }
td.n { text-align: right } code { background: #f3f3f3 } .bad { color: #b00020 } .good { color: #0a6b2d }
summary { cursor: pointer } figure { display: inline-block; width: 340px; margin: .4em; vertical-align: top }
figure img { width: 100% } figcaption { font-size: .85em; overflow-wrap: anywhere }
"""


def write_report(report: VerifyReport, folder: Path, *, quarantine: bool = False) -> None:
    """Write report.json and index.html, and quarantine.json if asked for; nothing in the dataset is touched.

    Args:
        report: the verification.
        folder: where to; made if needed, files of an earlier report are replaced. Where it has the page of a run,
            viewer-<run id>.html, labels of that run are linked to it.
        quarantine: whether to write down what is unfit for use.

    Raises:
        UserError: the folder is inside the dataset, which would not be as it was verified any more, or has somebody
            else's page in it.
        StoreError: the folder cannot be written.
    """
    check_place(Path(report.dataset), folder)
    dataset = reopen(report)
    shots = [] if dataset is None else list(worst_labels(dataset, report))
    files = {"report.json": _json(_figures(report)), "index.html": _page(report, shots, PageLinks(dataset, folder))}
    if quarantine:
        files["quarantine.json"] = _json(_quarantine(report))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"--report {folder}: cannot be written: {error.strerror or error}") from error


def check_place(dataset: Path, folder: Path) -> None:
    """Raise UserError if the report of a dataset may not go to a folder; better asked before the dataset is read."""
    if folder.resolve().is_relative_to(dataset.resolve()):
        raise UserError(f"--report {folder}: lies in the dataset {dataset}; want a folder outside it")
    in_the_way = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if in_the_way is not None:
        raise UserError(f"--report {folder}: {in_the_way} is a file; want a folder")
    if (folder / "index.html").exists() and not _is_report(folder / "report.json"):
        raise UserError(f"--report {folder}: has an index.html of something else; want another folder")


def _is_report(path: Path) -> bool:
    content = json_of(path)
    return isinstance(content, dict) and "checks" in content and "dataset" in content


def _json(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _figures(report: VerifyReport) -> dict[str, Any]:
    return {
        "dataset": report.dataset,
        "version": report.version,
        "ok": report.ok,
        "problems": [_finding(problem) for problem in report.problems],
        "checks": {
            check: {
                "holds": holds,
                "looked_at": report.counts.get(check, 0),
                "found": report.found.get(check, 0),
                "not_run": report.not_run.get(check),
            }
            for check, holds in CHECKS.items()
        },
        "notes": list(report.notes),
        "measures": [
            {
                "quantity": quantity,
                "unit": QUANTITIES[quantity][0],
                "class": category,
                "range": span,
                "visibility": level,
                "n": spread.n,
                "mean": round(spread.mean, 4),
                "p50": round(spread.percentile(0.5), 4),
                "p95": round(spread.percentile(0.95), 4),
                "max": round(spread.largest, 4),
            }
            for quantity, (category, span, level), spread in report.measures.rows()
        ],
        "sensors": {
            name: {figure: round(value, 5) for figure, value in sorted(figures.items())}
            for name, figures in sorted(report.measures.sensors.items())
        },
        "worst": {
            quantity: [{"value": w.value, "annotation": w.annotation, "sample_data": w.data} for w in found]
            for quantity, found in sorted(report.measures.worst.items())
        },
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "where": finding.where, "message": finding.message}


def _quarantine(report: VerifyReport) -> dict[str, Any]:
    """What not to use: single annotations, whole scenes, or, where a finding is about neither, the dataset."""
    entries: dict[tuple[str, str], list[dict[str, str]]] = {}
    for finding in report.unfit:
        entries.setdefault((finding.scene, finding.annotation), []).append(_finding(finding))
    return {
        "dataset": report.dataset,
        "version": report.version,
        "entries": [
            {
                "kind": "annotation" if annotation else "scene" if scene else "dataset",
                "scene": scene,
                "annotation": annotation,
                "reasons": reasons,
            }
            for (scene, annotation), reasons in sorted(entries.items())
        ],
    }


def _page(report: VerifyReport, shots: Iterable[Shot], links: PageLinks) -> str:
    title = f"{escape(Path(report.dataset).name)} ({escape(report.version)})"
    verdict = '<b class="good">nothing untrue was found</b>' if report.ok else '<b class="bad">NOT TRUE</b>'
    looked = f"{len(report.counts)} of {len(CHECKS)} checks looked at {sum(report.counts.values()):,} things"
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>',
        f"<h1>{title}</h1><p>{verdict}; {looked}.</p>",
        *_findings(report, links),
        *_sensors(report),
        *_measures(report),
        *_pictures(shots, links),
        *_checks(report),
    ]
    return "\n".join(parts) + "\n"


def _findings(report: VerifyReport, links: PageLinks) -> Iterator[str]:
    if report.ok:
        return
    yield "<h2>What is not true</h2>"
    for check, found in report.found.items():
        yield f'<h3>{escape(check)}: {found:,} <span class="bad">({escape(CHECKS[check])})</span></h3><ul>'
        for problem in report.problems:
            if problem.check == check:
                link = links.to(problem.annotation, problem.scene)
                yield f"<li><code>{escape(problem.where)}</code>{link}<br>{escape(problem.message)}</li>"
        yield "</ul>"


def _measures(report: VerifyReport) -> Iterator[str]:
    yield "<h2>Errors of labels</h2>"
    heads = ("n", "mean", "median", "95 %", "largest")
    for quantity, (unit, meaning) in QUANTITIES.items():
        total = report.measures.overall(quantity)
        if not total.n:
            continue
        yield f"<h3>{quantity.replace('_', ' ')} [{unit}]</h3><p>{escape(meaning)}: {total.n:,} values, "
        yield f"mean {total.mean:.3g}, 95 % up to {total.percentile(0.95):.3g}, largest {total.largest:.3g}</p>"
        yield "<details><summary>by class, range and visibility</summary><table>"
        yield f"<tr><th>class<th>range<th>visibility{''.join(f'<th>{head}' for head in heads)}</tr>"
        for (category, span, level), spread in sorted(report.measures.spreads[quantity].items()):
            values = (spread.mean, spread.percentile(0.5), spread.percentile(0.95), spread.largest)
            cells = "".join(f'<td class="n">{value:.3g}' for value in values)
            names = f"<td>{escape(category)}<td>{escape(span)}<td>{escape(level)}"
            yield f'<tr>{names}<td class="n">{spread.n:,}{cells}</tr>'
        yield "</table></details>"


def _sensors(report: VerifyReport) -> Iterator[str]:
    if not report.measures.sensors:
        return
    figures = sorted({figure for found in report.measures.sensors.values() for figure in found})
    yield "<h2>Sensors, worst scene of each</h2><table>"
    heads = "".join(f"<th>{escape(figure.replace('_', ' '))}" for figure in figures)
    yield f"<tr><th>sensor{heads}</tr>"
    for name, found in sorted(report.measures.sensors.items()):
        cells = "".join(f'<td class="n">{found[f]:.3g}' if f in found else "<td>" for f in figures)
        yield f"<tr><td>{escape(name)}{cells}</tr>"
    yield "</table>"


def _pictures(shots: Iterable[Shot], links: PageLinks) -> Iterator[str]:
    yield "<h2>Worst labels</h2><p>Outline of the mask cyan, 3D box yellow with a red front, tight 2D box white.</p>"
    for shot in shots:
        source = f"data:image/jpeg;base64,{base64.b64encode(shot.jpeg).decode('ascii')}"
        caption = escape(shot.caption) + links.to(shot.annotation)
        yield f'<figure><img src="{source}" alt=""><figcaption>{caption}</figcaption></figure>'


def _checks(report: VerifyReport) -> Iterator[str]:
    yield "<h2>Checks</h2><table><tr><th>check<th>looked at<th>found<th>holds when nothing is found</tr>"
    for check, holds in CHECKS.items():
        reason = report.not_run.get(check)
        looked = f"not run: {escape(reason)}" if reason else f"{report.counts.get(check, 0):,}"
        found = report.found.get(check, 0)
        yield f'<tr><td>{check}<td class="n">{looked}<td class="n">{found:,}<td>{escape(holds)}</tr>'
    yield "</table>"
    for note in report.notes:
        yield f"<p>Note: {escape(note)}</p>"
