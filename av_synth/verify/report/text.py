"""A verification as text for a terminal: findings by check, then what was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from av_synth.verify.findings import CHECKS, VerifyReport

_SHOWN_PER_CHECK = 5


def write_text_report(report: VerifyReport) -> str:
    """Findings grouped by check and capped, what passed with how many things were looked at, what was not run and why.

    A check that was not run is never listed as passed.
    """
    return "\n".join([*_headline(report), *_problems(report), *_passed(report), *_not_run(report), *_notes(report)])


def _headline(report: VerifyReport) -> Iterator[str]:
    name = f"{report.dataset} ({report.version})"
    if report.ok:
        things = sum(report.counts.values())
        yield f"{name}: true, as far as {len(report.counts)} of {len(CHECKS)} checks on {things:,} things can tell"
    else:
        found = sum(report.found.values())
        yield f"{name}: NOT TRUE, {found:,} findings in {len(report.found)} of {len(CHECKS)} checks"


def _problems(report: VerifyReport) -> Iterator[str]:
    for check, found in report.found.items():
        yield ""
        yield f"FAILED {check} ({found:,} of {report.counts.get(check, 0):,} looked at): {CHECKS[check]}"
        shown = [problem for problem in report.problems if problem.check == check][:_SHOWN_PER_CHECK]
        for problem in shown:
            yield indent(f"{problem.where}\n    {problem.message}", "  ")
        if found > len(shown):
            yield f"  ... and {found - len(shown):,} more"


def _passed(report: VerifyReport) -> Iterator[str]:
    passed = [check for check in CHECKS if report.counts.get(check) and check not in report.found]
    if passed:
        yield ""
        yield "Passed, with the number of things looked at:"
        for check in passed:
            yield f"  {check:<17}{report.counts[check]:>9,}  {CHECKS[check]}"


def _not_run(report: VerifyReport) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for check, reason in report.not_run.items():
        by_reason.setdefault(reason, []).append(check)
    for reason, checks in by_reason.items():
        yield ""
        yield f"Not run: {', '.join(checks)}"
        yield f"  because {reason}"


def _notes(report: VerifyReport) -> Iterator[str]:
    for note in report.notes:
        yield ""
        yield f"Note: {note}"
