"""README and docs/: what they show can be typed, is read by what reads it, and is up to date; links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

import pytest
import typer

from av_synth import documents
from av_synth.audit.domain import DomainDocument
from av_synth.cli.app import app
from av_synth.farm.planning.document import CampaignDocument
from av_synth.improve.space import SpaceDocument
from av_synth.rig.loader import RigDocument
from av_synth.scenario.scenario import ScenarioDocument, from_document
from av_synth.session.boxes import BoxTable
from av_synth.simulator.assets.recipe import AssetsFile
from tests.pages.blocks import LANGUAGES, PAGES, ROOT, Command, blocks, commands, spoken
from tools import docs, scenario_reference

GROUP: Any = typer.main.get_command(app)
REST = {
    "name": "page",
    "duration_s": 8,
    "parameters": {"ego_speed_kmh": {"uniform": [30, 40]}, "pedestrian": {"choice": ["child", "adult"]}},
    "road": {
        "length_m": 90,
        "parking": ["right"],
        "pavement": ["right"],
        "junction": {"ahead_m": 60, "control": "signals"},
    },
    "ego": {"speed_kmh": 30},
    "actors": {"lead": {"body": "car", "speed_kmh": 30, "at": {"ahead_m": 30}}},
}
"""What a part of a scenario is completed by."""


def test_pages_that_are_made_from_the_code_are_what_make_docs_writes():
    assert [str(path) for path, text in docs.written() if not path.exists() or path.read_text() != text] == []


def test_the_reference_of_scenarios_is_that_of_the_models_and_has_every_key_of_every_model_with_its_meaning():
    page = scenario_reference.PAGE.read_text(encoding="utf-8")
    told = {kind.__name__: kind for _, kind in scenario_reference.SECTIONS}

    assert page.partition(scenario_reference.BEGIN)[2] == "\n" + scenario_reference.reference()
    assert ScenarioDocument.model_json_schema()["$defs"].keys() <= told.keys()
    assert [
        (name, key)
        for name, kind in told.items()
        for key, field in kind.model_fields.items()
        if not field.description or f"| `{key}` |" not in page
    ] == []


@pytest.mark.parametrize(
    ("sections", "whole"), [(scenario_reference.RIG, RigDocument), (scenario_reference.CAMPAIGN, CampaignDocument)]
)
def test_the_references_of_rigs_and_campaigns_have_every_model_of_theirs(sections, whole):
    models = whole.model_json_schema()["$defs"].keys() - {"WeatherSpec"}

    assert models | {whole.__name__} == {kind.__name__ for _, kind in sections}
    assert all(field.description for _, kind in sections for field in kind.model_fields.values())


def test_every_block_says_what_it_is_and_nothing_is_shown_by_indenting():
    wrong = [block.where for block in blocks() if block.language not in LANGUAGES]
    indented = re.compile(r"(?:^|\n\n) {4}(?:\S+/)?(?:av-synth|make|pip|python)\b")

    assert wrong == []
    assert [page.name for page in PAGES if indented.search(page.read_text(encoding="utf-8"))] == []


def parsed(words: tuple[str, ...]) -> None:
    """Take a command line apart as the program does, without doing what it says."""
    command, rest = GROUP, list(words)
    while hasattr(command, "commands"):
        assert rest, "no verb"
        assert rest[0] in command.commands, f"{rest[0]} is no verb"
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context("av-synth", rest)


@pytest.mark.parametrize("command", [each for each in commands() if each.is_ours], ids=lambda each: each.where)
def test_the_program_knows_every_command_that_a_page_shows(command: Command):
    parsed(command.words[1:])


@pytest.mark.parametrize(
    "wrong", ["run x --out y", "run x --rig r --out y --sed 1", "rn", "run x --rig r --out y --seed a"]
)
def test_a_command_that_the_program_does_not_know_is_found(wrong):
    with pytest.raises(Exception, match=r"Missing parameter|No such option|no verb|valid integer"):
        parsed(tuple(wrong.split()))


def test_the_program_has_every_verb_and_option_that_the_text_of_a_page_names():
    unknown = []
    for page, text in spoken():
        words = [word.strip("[]") for word in text.split()[1:]]
        command: Any = GROUP
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        asked = {word.partition("=")[0] for word in words if word.startswith("--")}
        if command is GROUP and not (words == [] or words[0].isupper() or words[0].startswith("--")):
            unknown.append((page, text))
        unknown += [(page, text, option) for option in sorted(asked - known - {"--version"})]

    assert unknown == []


def test_every_other_command_names_files_modules_and_targets_that_are_there():
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for command in commands():
        words = [word for word in command.words if not re.fullmatch(r"[A-Z_]+=.*", word)]
        if command.is_ours:
            continue
        if words[0] == "make":
            wrong += [command.where for word in words[1:] if word not in made]
        elif words[0].endswith("python"):
            module = words[words.index("-m") + 1]
            there = [ROOT / f"{module.replace('.', '/')}.py"] if module != "pytest" else [ROOT / words[-1]]
            wrong += [command.where for path in there if not path.exists()]
        elif not command.not_run:
            wrong.append(command.where)

    assert wrong == []


@pytest.mark.parametrize("block", [each for each in blocks() if each.language == "yaml"], ids=lambda each: each.where)
def test_every_yaml_of_a_page_is_read_by_what_reads_it(block):
    document = documents.parse(block.text, block.page)
    assert isinstance(document.data, dict)
    if "runs" in document.data:
        documents.validate(document, CampaignDocument)
    elif "corrections" in document.data:
        documents.validate(document, BoxTable)
    elif "lidars" in document.data:
        documents.validate(document, RigDocument)
    elif "axes" in document.data:
        documents.validate(document, DomainDocument)
    elif "looks" in document.data:
        documents.validate(document, AssetsFile)
    elif "weathers" in document.data:
        documents.validate(document, SpaceDocument)
    else:
        if "name" not in document.data:  # a part: the rest, and something that uses what it has
            whole = {**REST, **document.data}
            names = [name for key in ("parameters", "derived") for name in whole.get(key, {})]
            whole["description"] = " ".join(f"${{{name}}}" for name in names)
            document = documents.Document(document.where, whole, document.lines)
        from_document(document)


@pytest.mark.parametrize("block", [each for each in blocks() if each.language == "python"], ids=lambda each: each.where)
def test_every_python_of_a_page_can_be_compiled(block):
    assert ast.parse(block.text).body


def anchors(text: str) -> set[str]:
    """What headings of a page are called in links to them, as GitHub has it."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_links_of_the_documents_lead_somewhere_and_to_a_heading_that_is_there():
    broken = []
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, heading = target.partition("#")
            there = page.parent / path if path else page
            if "://" in target:
                continue
            if not there.exists() or (heading and heading not in anchors(there.read_text(encoding="utf-8"))):
                broken.append(f"{page.relative_to(ROOT)}: {target}")

    assert broken == []


def test_the_index_names_every_page():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)\)", index.read_text())}

    assert [str(page) for page in PAGES[1:] if page != index and page not in linked] == []


def test_the_marks_of_blocks_are_understood():
    marks = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines() if "<!-- " in line]
    known = re.compile(r"<!-- ((not run|file): .+|(from here on )?made by tools/\S+.*) -->")

    assert [line for line in marks if not known.fullmatch(line)] == []
    assert sum(1 for line in marks if "not run" in line) == sum(1 for block in blocks() if block.not_run)
    assert shlex.split("a # b", comments=True) == ["a"]


def test_every_file_that_the_table_of_changes_names_is_there():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Where a change goes")[2].partition("\n## ")[0]
    missing = []
    for row in (line for line in table.splitlines() if line.startswith("| ")):
        folders = [ROOT, ROOT / "av_synth"]
        for name in re.findall(r"`([\w/.]+(?:/|\.(?:py|js|frag|yaml)))`", row):
            found = [folder / name for folder in folders if (folder / name).exists()]
            if not found:
                missing.append(f"{name}: {row}")
                continue
            # what follows in a row may be told from the folder of what it named before
            first = found[0] if found[0].is_dir() else found[0].parent
            folders += [first, first.parent]

    assert len(table.splitlines()) > 50
    assert missing == []
