"""`av-synth assets`: looks of bodies, from meshes of others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from av_synth import documents, messages
from av_synth.cli.output import say, say_item
from av_synth.errors import DataError, DocumentError, Problem

if TYPE_CHECKING:  # reading models brings OpenCV, which takes longer to import than the help of a verb takes
    from av_synth.simulator.assets.files import Files
    from av_synth.simulator.assets.recipe import AssetsFile
    from av_synth.simulator.assets.wardrobe import Wardrobe

_KIND = "configs/assets"
HELP = (
    "Meshes with open licences that dress the simulator's bodies: get those that are built in, bring your own, see "
    "whose they are (docs/how-to/own-meshes.md).\n\n"
    "They are kept in AV_SYNTH_ASSETS, a folder of your cache if that is not set; with AV_SYNTH_ASSETS=none all bodies "
    "are procedural.\n\n"
    "Example: av-synth assets fetch"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb = typer.Typer(no_args_is_help=True, help=HELP)
    verb.command("fetch")(fetch)
    verb.command("list")(_list)
    verb.command("import")(_import)
    verb.command("remove")(remove)
    app.add_typer(verb, name="assets")


def fetch(
    package: Path | None = typer.Option(
        None,
        help="The file sweethome3d-furniture_1.8-1_all.deb, where you have it; apt-get downloads it (128 MB) if left "
        "out. It is not installed, and its checksum is checked.",
    ),
) -> None:
    """Make the looks of configs/assets out of Debian's package sweethome3d-furniture, in some minutes.

    Example: av-synth assets fetch --package sweethome3d-furniture_1.8-1_all.deb
    """
    from av_synth.simulator.assets import package as debian

    read = [_read(path) for path in documents.files(_KIND).values()]
    of_package = [(document, told) for document, told in read if told.package is not None]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        file = debian.downloaded(scratch) if package is None else package
        opened = debian.archives(file, {told.package for _, told in of_package if told.package}, scratch)
        for document, told in of_package:
            _make(document, told, opened[told.package or ""])


def _import(
    file: Path = typer.Argument(help="A YAML file that says which models dress which bodies, as configs/assets/ has."),
) -> None:
    """Make looks out of models of your own (glTF, GLB or OBJ) that lie beside FILE.

    What another look dressed wears the new one. What cannot be used is said before anything is kept.

    Example: av-synth assets import my_cars.yaml
    """
    from av_synth.simulator.assets.files import Folder

    document, told = _read(file)
    if told.package is not None:
        problem = document.problem(("package",), f"got {told.package}; `assets fetch` makes these; leave it out")
        raise DocumentError([problem])
    _make(document, told, Folder(file.parent))


def _list() -> None:
    """Say which looks there are, whose they are, and what wears them.

    Example: av-synth assets list
    """
    from av_synth.simulator.assets.wardrobe import in_use

    wardrobe = in_use()
    if wardrobe is None:
        say("no looks are in use: all bodies are procedural; `av-synth assets fetch` gets some")
        return
    say(f"{wardrobe.folder}:")
    worn = wardrobe.worn
    for name in wardrobe.names():
        look = wardrobe.look(name)
        credit, wearers = look.credit, [each for each, worn_name in worn.items() if worn_name == name]
        about = f'{len(look.triangles):,} triangles; "{credit.title}" by {credit.author}, {credit.licence}'
        say_item(name, f"{', '.join(wearers)}; {about}", max(map(len, wardrobe.names())))


def remove(
    names: list[str] = typer.Argument(help="Names of looks, as `assets list` shows them; `all` for all."),
) -> None:
    """Take looks away: what wore them is procedural again.

    Example: av-synth assets remove scopia_van
    """
    wardrobe = _wardrobe()
    wardrobe.remove(wardrobe.names() if names == ["all"] else names)
    say(f"{wardrobe.folder}: {len(wardrobe.names())} looks are left")


def _wardrobe() -> Wardrobe:
    from av_synth.simulator.assets.wardrobe import kept

    return kept()


def _read(path: Path) -> tuple[documents.Document, AssetsFile]:
    from av_synth.simulator.assets.recipe import AssetsFile

    document = documents.read(path)
    return document, documents.validate(document, AssetsFile)


def _twice(document: documents.Document, told: AssetsFile) -> list[Problem]:
    """What is wrong with looks that have one name, and with bodies that two looks dress."""
    problems: list[Problem] = []
    names: dict[str, int] = {}
    dressed: dict[str, str] = {}
    for number, recipe in enumerate(told.looks):
        if names.setdefault(recipe.name, number) != number:
            text = f"got {recipe.name!r}, the name of another look; want one of its own"
            problems.append(document.problem(("looks", number, "name"), text))
        for k, each in enumerate(recipe.dresses):
            if each in dressed:
                text = f"got {each!r}, which {dressed[each]} dresses; want it once"
                problems.append(document.problem(("looks", number, "dresses", k), text))
            dressed[each] = recipe.name
    return problems


def _make(document: documents.Document, told: AssetsFile, files: Files) -> None:
    """Make every look of a document and keep them, or say everything that is wrong with them."""
    from av_synth.simulator.assets.making import make
    from av_synth.simulator.bodies import procedural
    from av_synth.simulator.bodies.dressing import dressed

    bodies = procedural()
    made, problems = {}, _twice(document, told)
    for number, recipe in enumerate(told.looks):
        unknown = [(k, each) for k, each in enumerate(recipe.dresses) if each not in bodies]
        for k, each in unknown:
            text = f"got {each!r}; {messages.nearest(each, bodies)}"
            problems.append(document.problem(("looks", number, "dresses", k), text))
        try:
            look = make(recipe, told, files)
            for each in recipe.dresses:
                if each in bodies:
                    dressed(bodies[each], look)
        except DataError as error:
            problems.append(document.problem(("looks", number), str(error)))
            continue
        made[recipe.name] = (look, recipe.dresses)
        say(f"{recipe.name}: {len(look.triangles):,} triangles, for {', '.join(recipe.dresses)}")
    if problems:
        raise DocumentError(documents.in_order(problems))
    _wardrobe().put(made)
