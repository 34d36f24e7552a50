"""`av-synth openscenario`: scenarios from and to ASAM OpenSCENARIO XML."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from av_synth import scenario
from av_synth.cli.options import pairs
from av_synth.cli.output import say
from av_synth.errors import DocumentError, Problem
from av_synth.scenario import openscenario
from av_synth.scenario.openscenario import Report
from av_synth.store import need_place

HELP = (
    "Make scenarios of ASAM OpenSCENARIO XML 1.0 to 1.3, and OpenSCENARIO 1.2 of ours.\n\n"
    "Example: av-synth openscenario import cut-in.xosc --out scenarios/their_cut_in.yaml"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb = typer.Typer(no_args_is_help=True, help=HELP)
    verb.command("import")(_import)
    verb.command("export")(export)
    app.add_typer(verb, name="openscenario")


def _import(
    file: Path = typer.Argument(help="A scenario of OpenSCENARIO: a file that ends in .xosc."),
    out: Path | None = typer.Option(
        None, help="Where our YAML goes, named like the scenario; FILE.yaml, here, if not given."
    ),
    values: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", help="A parameter that the file declares; may be repeated."
    ),
    force: bool = typer.Option(False, "--force", help="Write over a file that is there."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Make a scenario of an OpenSCENARIO file, and say what was kept, kept nearly and lost.

    Catalogs and the map are looked for from the file, and ours names the map by its path from where it goes.

    Example: av-synth openscenario import cut-in.xosc --out scenarios/their_cut_in.yaml
    """
    target = _free(out or Path(f"{openscenario.document_name(file.stem)}.yaml"), force)
    imported = openscenario.import_file(file, target, pairs(values, "--set"))
    _write(target, imported.text)
    _tell(imported.report, as_json, f"scenario: {target}")


def export(
    name: str = typer.Argument(help="A scenario, by its name or the path of a YAML file."),
    out: Path | None = typer.Option(None, help="Where the file goes; NAME.xosc, here, if not given."),
    seed: int = typer.Option(0, help="Of the draw that is written."),
    values: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", help="A parameter's value instead of a drawn one; may be repeated."
    ),
    force: bool = typer.Option(False, "--force", help="Write over a file that is there."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Write one draw of a scenario as OpenSCENARIO 1.2, as far as that has words, and say what is lost.

    A road that is not told by a pose becomes the parameters EgoRoad, EgoLane and EgoS of the file.

    Example: av-synth openscenario export cut_in_wet --seed 3 --out cut_in_wet_3.xosc
    """
    found = scenario.load(name)
    target = _free(out or Path(f"{found.name}.xosc"), force)
    exported = openscenario.export(scenario.draw(found, seed, pairs(values, "--set")), found.document, target)
    _write(target, exported.text)
    _tell(exported.report, as_json, f"OpenSCENARIO 1.2: {target}")


def _free(target: Path, force: bool) -> Path:
    if target.exists() and not force:
        raise DocumentError([Problem("", "--out", f"{target} is there already; want another, or --force")])
    need_place("--out", target)
    return target


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DocumentError([Problem("", "--out", f"{target} cannot be written: {error.strerror}")]) from error


def _tell(report: Report, as_json: bool, last: str) -> None:
    if as_json:
        say(json.dumps(report.to_json(), indent=1))
        return
    for line in report.in_words():
        say(line)
    say(last)
