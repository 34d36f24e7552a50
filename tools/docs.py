"""Writes the pages of docs/ that are made from the code. `make docs` runs it, from the repository's root.

Whole pages, or the end of a page whose beginning is written by hand. Equal code gives equal pages.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

import av_synth
from av_synth import errors
from av_synth.cli.app import app
from av_synth.export import formats
from av_synth.farm.failures import KINDS
from av_synth.log.categories import nuscenes_category
from av_synth.simulator.bodies import Body, catalogue
from av_synth.simulator.protocol.handlers.unsupported import REASONS
from av_synth.simulator.quality import QUALITIES, Quality
from av_synth.simulator.sensors.spec import acting_attributes, is_built
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS, sensor_attributes
from av_synth.store.columns import TABLES
from tests.simulator.calls import observations
from tools import carla_smoke, scenario_reference
from tools.code_map import code_map
from tools.scenario_reference import CAMPAIGN, RIG, reference

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
MADE = "<!-- made by tools/docs.py from {}; `make docs` writes it anew -->\n"
BEGIN = "<!-- from here on made by tools/docs.py -->\n"
_EXAMPLE = re.compile(r"((Examples?|Then)\b[^:]*: )?(?=av-synth )")
_KINDS = {"int": "whole number", "float": "number", "Path": "path", "str": "text", "list": "text"}


def rig() -> str:
    """Every key of a rig file."""
    return _page(
        "av_synth/rig/loader.py",
        "Rig files",
        "What looks: the ego's sensors. [A rig of your own](../how-to/own-rig.md) has an example. Mounts are from the\n"
        "point on the ground under the rear axle, x forward, y left, z up. `rotation` says in degrees how a sensor is\n"
        "turned that looked straight ahead; `rotation_wxyz` from its own axes to the car's, w, x, y, z: a camera\n"
        "looks along its z axis (x right, y down), a radar along its x axis. A lidar has nuScenes' axes: y looks\n"
        "ahead. `every_ticks` has to divide `keyframe_ticks`, so that keyframes have all sensors.",
        reference(RIG, 2),
    )


def campaign() -> str:
    """Every key of a campaign file."""
    return _page(
        "av_synth/farm/planning/document.py",
        "Campaign files",
        "Which runs are wanted; [campaigns](../how-to/campaigns.md) says how to use them. An entry of `weather` is as\n"
        "in [scenarios](scenarios.md#weather).",
        reference(CAMPAIGN, 2),
    )


def tables() -> str:
    """Every table of a run with its columns."""
    parts = []
    for name, table in sorted(TABLES.items()):
        rows = (
            f"| `{field.name}` | {field.type} |{' yes' if field.name in table.key else ''} |" for field in table.schema
        )
        parts += [f"## `{name}`\n", f"{_capital(table.about)}.\n", "| column | type | key |\n|---|---|---|", *rows, ""]
    return _page(
        "av_synth/store/columns.py",
        "Tables of a run",
        "`runs/<run id>/tables/<name>.parquet`. The unit of a column is in its name. The world is right-handed, in\n"
        "metres; quaternions are qw, qx, qy, qz; time is microseconds from the first recorded frame. Nothing is\n"
        "missing in a row: a quantity that is undefined has no row. Rows are sorted by the key, in which no two agree.",
        "\n".join(parts),
    )


def errors_page() -> str:
    """Every error with its exit status, and what a farm takes it for."""
    tree = inspect.cleandoc(errors.__doc__ or "").partition("\n\n")[2]
    shown, _, rest = tree.rpartition("\n\n")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AvSynthError)]
    rows = (
        f"| `{kind.__name__}` | {kind.exit_code} | {_farm(kind)} | {_paragraph(kind.__doc__)} |"
        for kind in sorted(kinds, key=lambda kind: kind.__name__)
    )
    return _page(
        "av_synth/errors.py",
        "Errors",
        "Every error that av_synth raises on purpose. What it is for a farm, and what is done then:\n"
        "[the farm](farm.md#what-fails-and-what-is-done).",
        f"```text\n{inspect.cleandoc(shown)}\n```\n\n{rest}\n\n| error | exit status | for a farm | meaning |\n"
        "|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "Besides, the program ends with 130 when it is interrupted; `campaign` with 3 when it is finished but for\n"
        "runs in quarantine, and 4 when it is paused. `verify` ends with 1 if a dataset is not true, `replay\n"
        "--resimulate` if a run comes out otherwise, and `doctor` if something is missing.\n",
    )


def cli() -> str:
    """Every verb with its arguments and options."""
    group: Any = typer.main.get_command(app)
    return _page(
        "av_synth/cli",
        "The command line",
        "`av-synth VERB --help` says the same. Exit statuses: [errors](errors.md).",
        "\n".join(_verbs(group, "av-synth")),
    )


def format_options() -> str:
    """The options of each format, which the page of formats ends with."""
    lines = ["| format | option | if not given |", "|---|---|---|"]
    for found in map(formats.load, formats.names()):
        if found.origin == "av_synth":
            rows = [f"| `{found.name}` | `{option}` | {_told(value)} |" for option, value in found.defaults.items()]
            lines += rows or [f"| `{found.name}` | none | |"]
    return "\n".join(lines) + "\n"


def sensor_attributes_told() -> str:
    """Which attributes of each sensor do something, which the page of sensors ends with."""
    lines = ["| sensor | these act, with their defaults | these change nothing |", "|---|---|---|"]
    for sensor in SENSOR_IDS:
        if is_built(sensor):
            attributes, acting = sensor_attributes(sensor), acting_attributes(sensor)
            act = ", ".join(f"`{a.id}` {a.value or 'empty'}" for a in attributes if a.id in acting)
            idle = ", ".join(f"`{a.id}`" for a in attributes if a.id not in acting)
            lines.append(f"| `{sensor}` | {act or '-'} | {idle or '-'} |")
    return "\n".join(lines) + "\n"


def qualities() -> str:
    """What goes into pictures at each quality, which the page of qualities ends with."""
    names = [field.name for field in fields(Quality) if field.name != "name"]
    lines = [f"| quality | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}"]
    for quality in QUALITIES.values():
        lines.append(f"| {quality.name} | {' | '.join(str(getattr(quality, name)) for name in names)} |")
    return "\n".join(lines) + "\n"


def api() -> str:
    """What `import av_synth` offers, from its docstrings."""
    parts = []
    for name in sorted(each for each in av_synth.__all__ if not each.startswith("_")):
        found = getattr(av_synth, name)
        about, *sections = re.split(r"\n\n(?=\w+:\n )", inspect.getdoc(found) or "")
        parts += [f"## `{name}`\n"]
        if inspect.isroutine(found):
            called = re.sub(r"(?<=: )'([^']*)'|(?<=-> )'([^']*)'", r"\1\2", str(inspect.signature(found)))
            parts += [f"```text\n{name}{called}\n```\n"]
        parts += [f"{_prose(about)}\n"]
        if sections:
            told = "\n\n".join(sections)
            parts += [f"```text\n{told}\n```\n"]
    about = _prose((av_synth.__doc__ or "").partition("\n\n")[0])
    return _page("`av_synth.__all__` and its docstrings", "The Python API", about, "\n".join(parts))


def bodies() -> str:
    """Every body of the embedded simulator, with what CARLA's attributes say of it."""
    parts = []
    for kind, title in (("vehicle", "Vehicles"), ("walker", "Pedestrians"), ("prop", "Props")):
        found = sorted((body for body in catalogue().values() if body.kind == kind), key=lambda body: body.blueprint_id)
        parts += [f"## {title}\n", *_BODIES[kind], *(_body(body) for body in found), ""]
    return _page(
        "av_synth/simulator/bodies",
        "Bodies",
        "What can be spawned and seen in the embedded simulator. Boxes are those of the meshes, mirrors and riders\n"
        "included. Ids without `avsynth` are CARLA's; what CARLA has no blueprint of is explained in\n"
        "[extensions](extensions.md). Vehicles have the measures, weight and power of the models that they are named\n"
        "after, not those of CARLA's meshes; what a class of vehicles can do stands where no power is given. Which of\n"
        "them play a category: [scenarios](scenarios.md).",
        "\n".join(parts),
    )


_BODIES = {
    "vehicle": (
        "| id | type | generation | length x width x height, m | wheels | kg | kW | doors | category |",
        "|---|---|---|---|---|---|---|---|---|",
    ),
    "walker": ("| id | gender, age | generation | speeds, m/s | height, m | category |", "|---|---|---|---|---|---|"),
    "prop": ("| id | size | length x width x height, m | kg | category |", "|---|---|---|---|---|"),
}


def _body(body: Body) -> str:
    told = body.attributes
    size = " x ".join(f"{2.0 * half:.2f}" for half in body.box_half_m)
    category = nuscenes_category(body.blueprint_id, told) or "-"
    if body.kind == "vehicle":
        kind = " ".join(word for word in (told["base_type"], told["special_type"]) if word)
        power = f"{body.power_kw:g}" if body.power_kw else ""
        doors = "open" if told["has_dynamic_doors"] == "true" else ""
        cells = [kind, told["generation"], size, told["number_of_wheels"], f"{body.mass_kg:.0f}", power, doors]
    elif body.kind == "walker":
        height = f"{2.0 * body.box_half_m[2]:.2f}"
        cells = [f"{told['gender']}, {told['age']}", told["generation"], told["speed"].replace(",", ", "), height]
    else:
        cells = [told["size"], size, f"{body.mass_kg:g}"]
    return f"| `{body.blueprint_id}` | {' | '.join(cells)} | {category} |"


def calls() -> str:
    """Every call of CARLA's, and how the embedded simulator answers it."""
    rows = [f"| `{name}` | done | {_cell(found.sentence)} |" for name, found in observations.every().items()]
    rows += [f"| `{name}` | refused | {_cell(reason)} |" for name, reason in REASONS.items()]
    return _page(
        "tests/simulator/calls, av_synth/simulator/protocol/handlers and tools/carla_smoke.py",
        "How the embedded simulator answers CARLA's calls",
        "Each call that a CARLA 0.9.16 server answers is here: done, or refused by an error that names it. What is\n"
        "done is shown by a test with two clients, A and B, of one simulator: A makes the call, and the sentence says\n"
        "what B then sees. Errors reach a script as `RuntimeError`. Those of calls that CARLA's client does not wait\n"
        "for, most of which return nothing, reach nobody, so the simulator tells them on its standard error, each\n"
        "mistake once. [How to use the simulator](how-to/simulator.md).\n\n"
        "Commands of a batch are these calls by other names, each seen by a second client likewise. A batch's\n"
        "SetAutopilot is done by the client that sends it, whose Traffic Manager then drives.\n\n"
        "None of this was compared with a CARLA server: what a call should do is taken from CARLA's sources and\n"
        "documentation, and which calls there are from those and from the client `carla` 0.9.16. Where a call has\n"
        "several effects, the sentence names one. Ids of actors begin anew with each episode, so that equal runs have\n"
        "equal ids. A client that stays connected while another one loads a town keeps what it was told of the ids\n"
        "of the former episode: it should connect anew.",
        "| call | answer | what a second client sees, or why not |\n|---|---|---|\n" + "\n".join(sorted(rows)) + "\n"
        "\n## CARLA's own smoke tests\n\n"
        "`make carla-smoke` ([how](how-to/simulator.md#carlas-own-smoke-tests)) runs them here. These count, for they\n"
        "call what the 0.9.16 client has, and do not pass:\n\n"
        "| test | why |\n|---|---|\n"
        + "".join(f"| {test} | {_cell(reason)} |\n" for test, reason in carla_smoke.DO_NOT_PASS.items()),
    )


def code() -> str:
    """Every file of the package."""
    return _page(
        "the files of av_synth",
        "Every file",
        "What each file of the package is, in its own first words: for whoever looks for the place of a change that\n"
        "is not in the table of [how it works](../explanation/architecture.md#where-a-change-goes).",
        code_map(),
    )


PAGES: dict[str, Callable[[], str]] = {
    "bodies.md": bodies,
    "rig.md": rig,
    "campaign.md": campaign,
    "tables.md": tables,
    "errors.md": errors_page,
    "cli.md": cli,
    "../simulator.md": calls,
    "code.md": code,
}
if hasattr(av_synth, "__all__"):
    PAGES["api.md"] = api
ENDS: dict[str, Callable[[], str]] = {
    "formats.md": format_options,
    "quality.md": qualities,
    "sensors.md": sensor_attributes_told,
}


def written() -> Iterator[tuple[Path, str]]:
    """Each page, and what its text should be."""
    for name, make in PAGES.items():
        yield REFERENCE / name, make()
    for name, make in ENDS.items():
        by_hand = (REFERENCE / name).read_text(encoding="utf-8").partition(BEGIN)[0]
        yield REFERENCE / name, f"{by_hand}{BEGIN}\n{make()}"


def main() -> None:
    """Rewrite all of them, the reference of scenarios and their schema too."""
    for path, text in written():
        path.write_text(text, encoding="utf-8")
    scenario_reference.main()


def _page(source: str, title: str, about: str, body: str) -> str:
    return f"{MADE.format(source)}\n# {title}\n\n{about}\n\n{body.rstrip()}\n"


def _verbs(command: Any, called: str) -> Iterator[str]:
    """A group's verbs, those of groups in it as well, in the order of the alphabet."""
    for name, verb in sorted(command.commands.items()):
        whole = f"{called} {name}"
        parts = inspect.cleandoc(verb.help or "").split("\n\n")
        examples = [line for part in parts if _EXAMPLE.match(part) for line in part.splitlines()]
        about = _prose("\n\n".join(part for part in parts if not _EXAMPLE.match(part)))
        yield f"## `{whole}`\n\n{about}\n"
        if examples:
            yield "\n".join(["```sh", *(_EXAMPLE.sub("", line).strip() for line in examples), "```\n"])
        if hasattr(verb, "commands"):
            yield from _verbs(verb, whole)
            continue
        rows = [_row(parameter) for parameter in verb.params if parameter.name != "help"]
        if rows:
            yield "| | wants | if left out | meaning |\n|---|---|---|---|"
            yield "\n".join(rows) + "\n"


def _row(parameter: Any) -> str:
    """An argument or option."""
    option = parameter.opts[0].startswith("-")
    shown = " ".join(parameter.opts) if option else parameter.metavar or parameter.name.upper()
    kind = _KINDS.get(getattr(parameter.type_descriptor.annotation, "__name__", ""), "text")
    wants = "" if getattr(parameter, "is_flag", False) else (option and parameter.metavar) or kind
    bounds = (("at least", parameter.min), ("at most", parameter.max))
    wants = ", ".join([wants] * bool(wants) + [f"{said} {bound:g}" for said, bound in bounds if bound is not None])
    repeated = getattr(parameter, "multiple", False) or parameter.nargs == -1
    default = "**needed**" if parameter.required else "" if repeated else _told(parameter.default)
    return f"| `{shown}` | {_cell(wants)} | {default} | {_cell(parameter.help or '')} |"


def _told(value: object) -> str:
    """A default; nothing where there is none."""
    if value is None or value is False or value == "":
        return ""
    return "yes" if value is True else f"`{value}`"


def _farm(kind: type[BaseException]) -> str:
    return next(KINDS[base] for base in kind.__mro__ if base in KINDS).name.lower()


def _paragraph(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return _cell(" ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split()))


def _prose(text: str) -> str:
    """Text of a help or a docstring as Markdown, a paragraph a line."""
    plain = re.sub(r"\[/?bold\]", "", text)
    return "\n\n".join(" ".join(part.split()) for part in plain.split("\n\n") if part.strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    main()
