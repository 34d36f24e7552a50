"""`av-synth probe`: which habits of Unreal's server a simulator has."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer
import yaml

from av_synth.cli.output import say, say_item
from av_synth.launch.choose import simulator_at
from av_synth.session.probe import Finding, probe
from av_synth.store import refuse_strangers, replace_file


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("probe")(measure)


def measure(
    simulator: str = typer.Argument(help="HOST:PORT of a CARLA 0.9.16, or `embedded`, `embedded:PROFILE`."),
    out: Path | None = typer.Option(None, help="YAML file to write what was found to; new, or of an earlier probe."),
    adopt: bool = typer.Option(
        False, "--adopt", help="Measure it even if its world is in use: what others have in it is destroyed."
    ),
) -> None:
    """Measure which habits a simulator has, by the names of docs/reference/ue4-profile.md, and print a table.

    It loads the simulator's town anew, places a few actors and small cameras, and gives the simulator back.

    Example: av-synth probe 127.0.0.1:2000 --out my_carla.yaml
    """
    refuse_strangers("--out", out, "file of a probe", lambda file: b"\nhabits:\n" in file.read_bytes())
    with tempfile.TemporaryDirectory(prefix="av_synth-") as folder:
        log = Path(folder) / "simulator.log"
        with simulator_at(simulator, log, adopt=adopt) as address:
            found = probe(address, Path(folder))
    say(f"CARLA {found.version} at {simulator}, {found.town}")
    width = max(map(len, (*found.habits, *found.facts)))
    for title, findings in (("habits", found.habits), ("facts of both profiles", found.facts)):
        say(f"{title}:")
        for name, finding in sorted(findings.items()):
            say_item(name, f"{_word(finding):<4} {finding.observed}", width)
    say(f"alike: av-synth simulator --profile {found.profile}")
    if out is not None:
        replace_file(out, yaml.safe_dump(found.to_json(), sort_keys=False, width=120).encode())
        say(f"written: {out}")


def _word(finding: Finding) -> str:
    return "?" if finding.has is None else "yes" if finding.has else "no"
