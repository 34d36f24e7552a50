"""Dataset cards: a page to read and a document for machines, of one and the same figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from av_synth import query
from av_synth.card.about import About, Cost, cost_of
from av_synth.card.again import again
from av_synth.card.croissant import croissant
from av_synth.card.facts import Facts, facts_of
from av_synth.card.labels import figures_of
from av_synth.card.markdown import MARK, page
from av_synth.card.words import responsible
from av_synth.errors import UserError
from av_synth.export import contents
from av_synth.store import canonical_json, need_place, refuse_strangers, replace_file
from av_synth.verify import verify

_PAGE, _DOCUMENT = contents.CARD
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Card:
    """A card that was written.

    Attributes:
        page, document: its two files.
        facts: what it tells.
        cost: what the runs took.
        exact: how many runs its commands make again.
        true: whether the dataset verified; None if it was not asked.
    """

    page: Path
    document: Path
    facts: Facts
    cost: Cost
    exact: int
    true: bool | None


def write_card(
    dataset: Path,
    out: Path | None = None,
    about: About | None = None,
    *,
    version: str | None = None,
    core_s: Mapping[str, float] | None = None,
    price: float | None = None,
    measure: bool = True,
) -> Card:
    """Write the card of a dataset in nuScenes format: README.md and croissant.json; equal data give equal bytes.

    Args:
        dataset: its folder.
        out: where the card goes; the dataset if None. Only a card is ever replaced.
        about: what the publisher says; the folder's name alone if None.
        version: its folder of tables, if there are several.
        core_s: seconds of one core by run id, of runs that somebody kept account of.
        price: of an hour of one core.
        measure: whether it is verified now, for how far labels are off: everything is read.

    Raises:
        UserError: if there is no such dataset, something else is in the card's place, or the date is none.
        StoreError: if it is no dataset, or something cannot be read or written.
    """
    folder = out or dataset
    about = about or About(dataset.resolve().name)
    version = query.version_of(dataset, version)
    _refuse(folder, about)
    facts = facts_of(dataset, version)
    if not facts.samples:
        raise UserError(f"{dataset}: has no sample; want a dataset with scenes in it")
    report = verify(dataset, facts.version) if measure else None
    figures = None if report is None else figures_of(report)
    samples = Counter(row["scene_token"] for row in query.Tables(dataset, facts.version).rows("sample"))
    cost = cost_of(facts, core_s or {}, samples, price)
    commands = [again(run) for run in facts.runs]
    told = responsible(facts, [] if figures is None else list(figures.sentences()))
    text = page(facts, about, figures, cost, commands)
    document = canonical_json(croissant(facts, about, folder, told))
    replace_file(folder / _PAGE, text.encode(), durable=True)  # first: a document without it is somebody else's
    replace_file(folder / _DOCUMENT, document, durable=True)
    if folder.resolve() == dataset.resolve():
        contents.add(dataset / facts.version / contents.LIST, contents.CARD)
    exact = sum(not one.reason for one in commands)
    return Card(folder / _PAGE, folder / _DOCUMENT, facts, cost, exact, None if report is None else report.ok)


def _refuse(folder: Path, about: About) -> None:
    """Raise UserError if something else than a card would be overwritten, or its date is none."""
    if about.date and not _is_date(about.date):
        raise UserError(f"--date: got {about.date!r}; want YYYY-MM-DD, such as 2026-11-22")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: is a file; want a folder")
    need_place("--out", folder, folder=True)
    path, instead = folder / _PAGE, "move it, or name another folder"
    refuse_strangers("--out", path, "card of av-synth", lambda file: MARK.encode() in file.read_bytes(), instead)
    refuse_strangers("--out", folder / _DOCUMENT, "document of a card", lambda _: path.exists(), instead)


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:  # the thirtieth of February
        return False
