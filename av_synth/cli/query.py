"""`av-synth query`: find samples by what is true of them."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from av_synth.cli.output import note, say, say_item
from av_synth.errors import UserError
from av_synth.query import FIELDS, Match, Seen, find, parse
from av_synth.query import fields as fields_of


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("query")(query)


def query(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    conditions: list[str] | None = typer.Argument(
        None, help="What must hold, all of it: FIELD=VALUE with = != < <= > >=, FIELD or !FIELD.", show_default=False
    ),
    fields: bool = typer.Option(False, "--fields", help="List the fields that the dataset has, with their values."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: a list of samples with all that is known of who."),
    version: str | None = typer.Option(None, help="Its version folder, if there are several."),
) -> None:
    """Find samples by what is true of them and of somebody in them.

    Text may have * and ?, a comma is "or", and 0.5..1.5 is a range. Conditions on things (category, visibility,
    ttc_s ...) must hold of one and the same thing. Each line has scene, sample token, seconds into the scene, the file
    of the front camera, and who it is.

    Example: av-synth query out/first/nuscenes 'category=human.pedestrian* visibility<=2 weather.night ttc_s<1.5'
    """
    if fields:
        _list(fields_of(dataset, version))
        return
    if not conditions:
        raise UserError("query: want conditions, such as 'ttc_s<1.5', or --fields")
    text = " ".join(conditions)
    found = find(dataset, text, version, note)
    if as_json:
        typer.echo(json.dumps([match.to_json() for match in found], indent=1))
        return
    asked = list(dict.fromkeys(condition.field for condition in parse(text)))
    for match in found:
        say(_line(match, asked))
    scenes = len({match.sample.scene for match in found})
    say(f"{len(found)} sample{'s' * (len(found) != 1)} in {scenes} scene{'s' * (scenes != 1)}")


def _line(match: Match, asked: list[str]) -> str:
    sample = match.sample
    line = f"{sample.scene}  {sample.sample_token}  {sample.time_s:.2f} s  {sample.file}"
    for thing in match.things:
        name = thing.values.get("role") or thing.values.get("category", "")
        figures = (f"{field}={_shown(thing.values[field])}" for field in asked if field in thing.values)
        line += f"  [{name}: {' '.join(figures)}]"
    return line


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _list(seen: dict[str, Seen]) -> None:
    width = max(map(len, seen), default=0)
    for name, found in seen.items():
        words = ", ".join(found.words) + ", ..." * found.more
        values = words if found.least is None else f"{found.least:.4g} to {found.greatest:.4g}"
        about = f"{FIELDS[name]}: " if name in FIELDS else ""
        say_item(name, f"{about}{values}", width)
