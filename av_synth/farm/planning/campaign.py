"""Campaigns: which scenarios, drawn how often and how, seen by which rig: what `av-synth campaign` plans and plays."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from av_synth import documents
from av_synth.documents import Document
from av_synth.errors import DocumentError, Problem
from av_synth.farm.model import Recipe
from av_synth.farm.planning.document import MAX_RUNS, CampaignDocument, Entry
from av_synth.farm.planning.recipes import key_of
from av_synth.messages import nearest, shown
from av_synth.store import write_file

KIND = "configs"


@dataclass(frozen=True)
class Campaign:
    """A campaign that was read, with everything that it takes to draw its runs.

    Attributes:
        path: its file.
        document: its content.
        recipes: how each run is drawn, and which entry asks for it, in the file's order, without doubles. Those of
            entries with `search` come with `searched`.
        files: content of the scenarios, rigs, maps and files of draws that recipes name, by their path in a plan.
        origins: where each of these was, for messages.
        notes: what else is to be told, such as points that constraints forbid.
        lines: where each entry stands, such as 'configs/demo.yaml:5'.
        to_search: how many runs its searches look for.
    """

    path: Path
    document: CampaignDocument
    recipes: tuple[tuple[int, Recipe], ...]
    files: Mapping[str, bytes]
    origins: Mapping[str, str]
    notes: tuple[str, ...]
    lines: tuple[str, ...]
    to_search: int

    @property
    def options(self) -> dict[str, object]:
        """What a player is opened with."""
        found: dict[str, object] = {"simulator": self.document.simulator}
        if self.document.recycle.runs is not None:
            found["recycle_runs"] = self.document.recycle.runs
        if self.document.recycle.gigabytes is not None:
            found["recycle_bytes"] = math.floor(self.document.recycle.gigabytes * 1e9)
        return found


def names() -> tuple[str, ...]:
    """Names of the built-in campaigns."""
    return documents.names(KIND)


def load(name_or_path: str, rig: str | None = None) -> Campaign:
    """Read a campaign, and every scenario, rig and map that it names. Paths in it are from its own folder on.

    Args:
        name_or_path: a built-in name, or a path that ends in .yaml.
        rig: looks instead of the rigs that the campaign names.

    Raises:
        DocumentError: with every mistake in the campaign, or in what it names.
    """
    from av_synth.farm.planning.entries import Expanded, at_entry, expand, misnamed

    path = documents.find(KIND, name_or_path)
    document = documents.read(path)
    try:
        asked = documents.validate(document, CampaignDocument)
    except DocumentError as error:
        raise DocumentError(documents.in_order([*error.problems, *misnamed(document, path.parent)])) from error
    if rig is not None:
        asked = asked.model_copy(update={"runs": [one.model_copy(update={"rig": rig}) for one in asked.runs]})
    known = Expanded({}, {}, [], [])
    recipes: list[tuple[int, Recipe]] = []
    for number, entry in enumerate(asked.runs):
        before = len(known.problems)
        recipes += [(number, recipe) for recipe in expand(entry, known, path.parent)]
        known.problems[before:] = [at_entry(document, number, problem) for problem in known.problems[before:]]
    to_search = sum(entry.search.count for entry in asked.runs if entry.search is not None)
    count = len(recipes) + to_search
    most = min(asked.budget.runs or MAX_RUNS, MAX_RUNS)
    if count > most and not known.problems:
        at = ("budget", "runs") if asked.budget.runs else ("runs",)
        known.problems.append(document.problem(at, f"{count} runs are asked for; want at most {most}"))
    known.problems += _formats(document, asked)
    if known.problems:
        raise DocumentError(documents.in_order(known.problems))
    lines = tuple(document.problem(("runs", number), "").where for number in range(len(asked.runs)))
    return Campaign(path, asked, _once(recipes), known.files, known.origins, tuple(known.notes), lines, to_search)


def _formats(document: Document, asked: CampaignDocument) -> list[Problem]:
    from av_synth.export import formats

    if asked.format in formats.names():
        return []
    return [document.problem(("format",), f"got {shown(asked.format)}; {nearest(asked.format, formats.names())}")]


def _once(recipes: Sequence[tuple[int, Recipe]]) -> tuple[tuple[int, Recipe], ...]:
    """Recipes without doubles: of those alike the first."""
    kept: dict[str, tuple[int, Recipe]] = {}
    for number, recipe in recipes:
        kept.setdefault(key_of(recipe), (number, recipe))
    return tuple(kept.values())


def searched(
    campaign: Campaign, folder: Path, simulator: str, on_accepted: Callable[[int, int], None] | None = None
) -> Campaign:
    """The campaign with what the searches of its entries find; what is in their files already is not searched again.

    Args:
        campaign: as it was loaded.
        folder: where the files of draws are kept.
        simulator: that is to render them.
        on_accepted: told (accepted, wanted) of each search.

    Raises:
        DocumentError: if a target is out of reach.
        CastError: if a scenario cannot be played there.
        KeyboardInterrupt: as it came; the same call goes on from there.
    """
    for number, entry in enumerate(campaign.document.runs):
        if entry.search is None:
            continue
        from av_synth.farm.planning.entries import Expanded, expand, request
        from av_synth.search import search

        words = json.dumps([entry.search.model_dump(mode="json"), simulator], sort_keys=True)
        out = folder / f"{Path(entry.search.scenario).stem}-{hashlib.sha256(words.encode()).hexdigest()[:8]}.yaml"
        search(request(entry.search, campaign.path.parent, out, simulator), on_accepted)
        known = Expanded(dict(campaign.files), dict(campaign.origins), [], list(campaign.notes))
        of_draws = Entry(draws=str(out.resolve()), rig=entry.rig)
        recipes = (*campaign.recipes, *((number, recipe) for recipe in expand(of_draws, known, campaign.path.parent)))
        if known.problems:
            raise DocumentError(known.problems)
        campaign = replace(campaign, recipes=_once(recipes), files=known.files, origins=known.origins)
    return campaign


@contextmanager
def laid_out(campaign: Campaign) -> Iterator[Path]:
    """A folder for a while with the files of a campaign, as they lie in a plan."""
    with tempfile.TemporaryDirectory(prefix="av_synth-plan-") as name:
        folder = Path(name)
        for path, content in campaign.files.items():
            write_file(folder / path, content)
        yield folder
