"""`av-synth audit`: is a dataset worth training on?"""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.audit import Audit, Finding
from av_synth.audit import audit as audit_dataset
from av_synth.audit.propose import HEADER
from av_synth.cli.options import is_json_with, refuse_lost
from av_synth.cli.output import progress, say
from av_synth.report.audit import write_audit_page
from av_synth.report.html_page import is_page
from av_synth.store import canonical_json, refuse_strangers, replace_file

_STYLES = {"serious": "red", "warning": "yellow", "note": None}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("audit")(audit)


def audit(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    against: list[Path] | None = typer.Option(
        None,
        help="Another one, of an earlier batch or a reference: what is missing, and what drifted. May be repeated.",
    ),
    odd: str | None = typer.Option(
        None, help="An operational design domain: urban, or a path to a YAML file (docs/how-to/audit.md)."
    ),
    json: Path | None = typer.Option(None, help="A file for everything that was found, as JSON."),
    html: Path | None = typer.Option(None, help="A file for a page with plots."),
    campaign: Path | None = typer.Option(
        None,
        help="A YAML file for a campaign that fills the largest gaps; none is written if there is nothing to fill.",
    ),
    strength: int = typer.Option(2, min=2, max=3, help="Coverage of all pairs (2) or triples (3) of axes."),
    seed: int = typer.Option(0, min=0, help="Of the chance that figures are held against."),
    version: str | None = typer.Option(None, help="The dataset's version folder, if there are several."),
    against_version: str | None = typer.Option(None, help="That of what it is compared with, if there are several."),
) -> None:
    """Find out whether a dataset is worth training on: what is in it, missing, there twice, drifted, biased, leaking.

    Alarms are what chance alone does in fewer than 1 of 200 datasets. `av-synth verify` asks whether it is true.

    Exit status: 0 whatever is found. The dataset is never changed.

    Example: av-synth audit out/first/nuscenes --odd urban --html out/first/audit.html
    """
    asked = [Path(odd)] if odd is not None and Path(odd).is_file() else []
    refuse_lost({"--json": json, "--html": html, "--campaign": campaign}, [dataset, *(against or ()), *asked])
    refuse_strangers("--json", json, "audit", lambda file: is_json_with(file, "findings", "diversity"))
    refuse_strangers("--html", html, "page of an audit", is_page)
    refuse_strangers("--campaign", campaign, "campaign of an audit", lambda file: file.read_bytes().startswith(HEADER))
    with progress(f"auditing {dataset}", counted=False):
        found = audit_dataset(
            dataset,
            against or (),
            odd,
            strength=strength,
            seed=seed,
            version=version,
            against_version=against_version,
        )
    _tell(found)
    if json is not None:
        replace_file(json, canonical_json(found.to_json()))
        say(f"json: {json}")
    if html is not None:
        say(f"page: {write_audit_page(found, html)}")
    if campaign is not None:
        if found.campaign:
            replace_file(campaign, found.campaign.encode())
            say(f"campaign: {campaign}")
        else:
            say("campaign: none, because nothing is missing that a scenario of the library could fill")


def _tell(found: Audit) -> None:
    alarms = len(found.alarms)
    verdict = f"{alarms} alarm{'s' * (alarms != 1)}" if alarms else "no alarm"
    scenes = f"{found.scenes:,} scene{'s' * (found.scenes != 1)}"
    counts = f"{scenes}, {found.samples:,} samples, {found.annotations:,} annotations"
    say(f"{verdict}: {counts}", "red" if alarms else "green")
    other = found.diversity.other_effective_samples
    beside = "" if other is None else f", those of the other dataset as {other:.1f}"
    say(f"  as diverse as {found.diversity.effective_samples:.1f} distinct samples{beside}")
    for coverage in found.coverage:
        share = coverage.covered / max(coverage.possible, 1)
        say(f"  {coverage.what}: {share:.0%} of {coverage.possible:,} combinations of {coverage.strength} covered")
    for finding in found.findings:
        say(_line(finding), _STYLES[finding.severity])


def _line(finding: Finding) -> str:
    return f"{finding.severity}: {finding.kind}: {finding.words}"
