"""`av-synth scenarios`: what can be played."""

from __future__ import annotations

import re
import tempfile
from itertools import groupby
from pathlib import Path

import typer

from av_synth import documents, scenario
from av_synth.cli.options import cast_errors_with_line, pairs
from av_synth.cli.output import progress, say, say_item, say_outcome
from av_synth.documents import library_root
from av_synth.errors import DocumentError, Problem
from av_synth.launch.choose import EMBEDDED, simulator_at
from av_synth.report.event_picture import event_picture
from av_synth.run.execute import execute
from av_synth.run.generate import plan
from av_synth.run.watch import Watcher
from av_synth.scenario.scenario import KIND
from av_synth.scenario.schema import schema_text
from av_synth.scenario.words import is_opendrive
from av_synth.store import refuse_strangers

_SHOW = "show"
_FILE = (".yaml", ".yml")
_PICTURE = "out/picture.png"
_OWN_TOWNS = re.compile("AvSynth0[1-6]")  # of the embedded simulator
_STARTS = {".png": b"\x89PNG\r\n", ".jpg": b"\xff\xd8\xff"}
"""With what files of pictures begin, by their names' endings."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scenarios")(scenarios)


def scenarios(
    words: list[str] | None = typer.Argument(
        None,
        metavar="[show] [NAME]",
        help="One scenario, by its name or the path of a YAML file; `show` draws it too. Or words that it must have.",
    ),
    schema: bool = typer.Option(False, "--schema", help="Print the JSON Schema of scenario files, for editors."),
    out: Path | None = typer.Option(None, help="With show: the picture to write, .png or .jpg; NAME.png if left out."),
    seed: int = typer.Option(0, min=0, help="With show: which draw."),
    set_: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="With show: a parameter by hand."),
    town: str | None = typer.Option(None, help="With show: the town to play it in, whatever the scenario says."),
    simulator: str = typer.Option(EMBEDDED, help="With show: where it is played, as for `av-synth run`."),
) -> None:
    """List the built-in scenarios, or those with some words; or check one, say what it draws, and show it from above.

    Example: av-synth scenarios show pedestrian_runs_out --out picture.png
    """
    given = list(words or ())
    if schema:
        typer.echo(schema_text(), nl=False)
    elif given[:1] == [_SHOW] and len(given) == 2:
        _show(given[1])
        _draw(given[1], out, seed, pairs(set_, "--set"), town, simulator)
    elif given == [_SHOW]:
        raise DocumentError([Problem("", _SHOW, "want a scenario's name behind it, or the path of a YAML file")])
    elif len(given) == 1 and (given[0].endswith(_FILE) or given[0] in scenario.names()):
        _show(given[0])
    elif files := [word for word in given if word.endswith(_FILE)]:
        want = f"want the file alone to check it, or `{_SHOW} {files[0]}` to draw it"
        raise DocumentError([Problem("", "scenarios", f"got {' '.join(given)}; {want}")])
    else:
        _list(given)


def _list(words: list[str]) -> None:
    """The scenarios by folder; with words, those whose name, folder or description has all of them."""
    root = library_root() / KIND
    found = []
    for name, path in documents.files(KIND).items():
        folder = path.parent.relative_to(root).as_posix()
        description = scenario.load(name).description
        told = f"{folder} {name} {name.replace('_', ' ')} {description}".lower()
        if all(word.lower() in told for word in words):
            found.append(("" if folder == "." else folder, name, description))
    if not found and len(words) == 1:
        documents.find(KIND, words[0])  # says what there is
    if not found:
        say(f"no scenario has {' and '.join(map(repr, words))}")
    width = max((len(name) for _, name, _ in found), default=0)
    for folder, group in groupby(sorted(found), key=lambda each: each[0]):
        if folder:
            say(f"{folder}:")
        for _, name, description in group:
            say_item(name, description, width)


def _show(name: str) -> None:
    found = scenario.load(name)
    say(f"{found.name}: {' '.join(found.description.split())}")
    say(f"file: {found.document.where} (a copy of it is a good beginning for your own)")
    if found.parameters:
        say()
        say("parameters (give one by hand with --set NAME=VALUE):")
    width = max(map(len, found.parameters), default=0)
    for parameter, distribution in found.parameters.items():
        say_item(parameter, distribution.in_words(), width)
    say()
    unsure = sorted(_named_of_a_simulator(found.document.data)) if name not in scenario.names() else []
    if unsure:
        what = f"whether there is {' and '.join(unsure)}, which only a simulator knows"
        say(f"not checked: {what}; av-synth scenarios show {name} plays it on one", "yellow")
    fixed = [f" --set {parameter}={each.middle}" for parameter, each in found.parameters.items()][:1]
    say(f"play it: av-synth run {name} --rig tiny --out out/first{''.join(fixed)}")


def _named_of_a_simulator(data: object) -> set[str]:
    """The towns and the blueprints that a document names, but for the towns that the embedded simulator has."""
    if isinstance(data, list):
        return {one for item in data for one in _named_of_a_simulator(item)}
    found: set[str] = set()
    for key, value in data.items() if isinstance(data, dict) else ():
        if key == "town" and isinstance(value, str) and not is_opendrive(value) and not _OWN_TOWNS.fullmatch(value):
            found.add(f"a town {value!r}")
        elif key == "body" and isinstance(value, str) and "." in value and "$" not in value:
            found.add(f"a body {value!r}")
        found |= _named_of_a_simulator(value)
    return found


def _draw(name: str, out: Path | None, seed: int, overrides: dict[str, str], town: str | None, simulator: str) -> None:
    """Play it without sensors and draw what was driven."""
    if out is not None and (out.is_dir() or (out.parent.exists() and not out.parent.is_dir())):
        raise DocumentError([Problem("", "--out", f"got {str(out)!r}; want the path of a picture, such as {_PICTURE}")])
    if out is not None and out.suffix.lower() not in _STARTS:
        want = f"a name that ends in {' or '.join(_STARTS)}, such as {_PICTURE}"
        raise DocumentError([Problem("", "--out", f"got {str(out)!r}; want {want}")])
    spec = plan(name, None, seed, overrides, town=town)
    target = out or Path(f"{spec.scenario.name}.png")
    refuse_strangers("--out", target, "picture", lambda file: file.read_bytes().startswith(tuple(_STARTS.values())))
    watcher = Watcher()
    with (
        tempfile.TemporaryDirectory(prefix="av_synth-") as folder,
        progress(f"playing {spec.scenario.name}, seed {seed}") as on_tick,
        simulator_at(simulator, Path(folder) / "simulator.log") as address,
        cast_errors_with_line(name, town),
    ):
        execute(spec, address, [watcher], on_tick=on_tick)
    picture = event_picture(watcher, target)
    if watcher.outcome is not None:
        say_outcome(watcher.outcome)
    say(f"picture: {picture}")
