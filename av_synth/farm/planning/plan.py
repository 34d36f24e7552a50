"""Plans: which runs a campaign is, frozen in a store before the first is played.

    <store>/plan/plan.json        every run with its id, sorted, and what else decides the ids; canonical JSON
    <store>/plan/campaign.yaml    the campaign as it was
    <store>/plan/{scenarios,rigs,maps,searches}/   copies of what it names: an edit of the originals changes no plan

Reading a plan draws nothing and needs no simulator: this module imports nothing heavy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from av_synth import __version__
from av_synth.errors import DocumentError, Problem, StoreError, UserError
from av_synth.farm.model import PlannedRun, Recipe

if TYPE_CHECKING:
    from av_synth.farm.planning.campaign import Campaign
    from av_synth.launch import Address
    from av_synth.run.spec import Progress

VERSION = 1
FOLDER, FILE, CAMPAIGN = "plan", "plan.json", "campaign.yaml"
_MOST_CHANGES = 5  # that are told


@dataclass(frozen=True)
class Plan:
    """A campaign's runs.

    Attributes:
        runs: sorted by run id.
        facts: of the simulator, by town: what it gives to the ids of runs.
        campaign: plain values: `name`, `description`, `simulator`, `format`, `budget`, `options` of a player, and
            `release` of av_synth.
        entries: what each entry of the campaign is, for people.
    """

    runs: tuple[PlannedRun, ...]
    facts: Mapping[str, Mapping[str, str]]
    campaign: Mapping[str, Any]
    entries: tuple[str, ...]


def look(
    campaign: Campaign, address: Address, log: Path, on_done: Progress = lambda *_: None
) -> tuple[Plan, list[Problem]]:
    """Find out what runs a campaign is on a simulator, and what cannot be drawn or cast there, by entry.

    Args:
        campaign: whose searches are done; see `campaign.searched`.
        address: where the simulator listens; nobody else may use it meanwhile.
        log: where what the carla client says goes.
        on_done: told (runs looked at, runs in all).

    Raises:
        SimulatorError: if the simulator or the client fails.
    """
    from av_synth.documents import displayed
    from av_synth.farm.planning.campaign import laid_out
    from av_synth.farm.planning.resolve import Known, resolve

    runs: dict[str, PlannedRun] = {}
    refused: dict[tuple[int, Problem], list[int]] = {}
    asked: dict[int, int] = {}
    with laid_out(campaign) as folder:
        resolved = resolve([recipe for _, recipe in campaign.recipes], folder, address, log, on_done)
        copies = {displayed(folder / name): origin for name, origin in campaign.origins.items()}
    for (entry, recipe), answer in zip(campaign.recipes, resolved.answers, strict=True):
        asked[entry] = asked.get(entry, 0) + 1
        if isinstance(answer, Known):
            run = PlannedRun(answer.run_id, recipe, answer.town, entry, answer.frames)
            runs.setdefault(run.run_id, run)
            continue
        for problem in answer:
            file, colon, line = problem.where.rpartition(":")
            told = replace(problem, where=copies.get(file, file) + colon + line)
            refused.setdefault((entry, told), []).append(recipe.seed)
    problems = [
        Problem(
            campaign.lines[entry],
            f"runs[{entry}]",
            f"{len(seeds)} of {asked[entry]} cannot be played, the first with seed {seeds[0]}: {problem}",
        )
        for (entry, problem), seeds in refused.items()
    ]
    entries = tuple(
        f"{entry.scenario or entry.draws or (entry.search.scenario if entry.search else '')}, {entry.rig}"
        for entry in campaign.document.runs
    )
    told_of = campaign.document.model_dump(
        mode="json", include={"name", "description", "simulator", "format", "budget"}
    )
    plan = Plan(
        tuple(runs[run_id] for run_id in sorted(runs)),
        resolved.facts,
        {**told_of, "options": campaign.options, "release": __version__},
        entries,
    )
    return plan, problems


def make(campaign: Campaign, address: Address, log: Path, on_done: Progress = lambda *_: None) -> Plan:
    """As `look`; raises DocumentError with everything that cannot be drawn or cast, as well."""
    plan, problems = look(campaign, address, log, on_done)
    if problems:
        raise DocumentError(problems)
    return plan


def freeze(plan: Plan, campaign: Campaign, store: Path) -> Path:
    """Write a plan into a store, all or nothing; the same plan again changes nothing.

    Returns:
        The plan's folder.

    Raises:
        UserError: if the store has another plan.
        StoreError: if it cannot be written.
    """
    from av_synth.store import canonical_json, scratch, write_file
    from av_synth.store.files import fsync_directories, sync_file_system
    from av_synth.store.runs import STAGING

    content = canonical_json(_to_json(plan))
    final = store / FOLDER
    with scratch(store / STAGING, FOLDER) as folder:
        for name, data in {**campaign.files, CAMPAIGN: campaign.path.read_bytes(), FILE: content}.items():
            write_file(folder / name, data)
            (folder / name).chmod(0o444)
        sync_file_system(folder)
        with suppress(OSError):  # there is a plan
            os.rename(folder, final)
    if not (final / FILE).is_file():
        raise StoreError(f"{final}: cannot be made; want a folder that can be written to")
    if (final / FILE).read_bytes() != content:
        refuse_changes(campaign, store)
        raise UserError(
            f"{final}: is a plan that came out otherwise; want the simulator it was made on, or another store"
        )
    fsync_directories((final, store))
    return final


def is_planned(store: Path) -> bool:
    """Whether a store has a plan."""
    return (store / FOLDER / FILE).is_file()


def read(store: Path) -> Plan:
    """The plan of a store.

    Raises:
        UserError: if it has none.
        StoreError: if it cannot be read.
    """
    path = store / FOLDER / FILE
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != VERSION:
            raise StoreError(f"{path}: is of version {data['version']}; this av_synth reads {VERSION}")
        runs = tuple(
            PlannedRun(one["run_id"], _recipe(one["recipe"]), one["town"], one["entry"], one["frames"])
            for one in data["runs"]
        )
        return Plan(runs, data["facts"], data["campaign"], tuple(data["entries"]))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{store}: has no plan; want a folder that `av-synth campaign --out` wrote") from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: is no plan: {error!r}; make it again in another store") from error


def refuse_changes(campaign: Campaign, store: Path) -> None:
    """Refuse to go on with a plan that was made of something else.

    Raises:
        UserError: naming what has changed since.
    """
    from av_synth.launch.choose import is_embedded

    plan = read(store)
    release = plan.campaign.get("release")
    found = list(dict.fromkeys(_changes(campaign, store / FOLDER)))
    if release != __version__ and is_embedded(campaign.document.simulator):
        found.append(f"av_synth is {__version__}, was {release}")
    if found:
        more = f"\n  and {len(found) - _MOST_CHANGES} more" if len(found) > _MOST_CHANGES else ""
        told = "\n  ".join(found[:_MOST_CHANGES]) + more
        raise UserError(
            f"{store}: was planned with something else:\n  {told}\nwant it as it was, or another store for what is new"
        )


def _changes(campaign: Campaign, folder: Path) -> Iterator[str]:
    """What differs between a campaign and its files and their copies in a plan, and may make other runs of it."""
    before, now = (_parsed(path.read_bytes()) for path in (folder / CAMPAIGN, campaign.path))
    yield from _differences(str(campaign.path), _defining(before), _defining(now))
    for name, content in campaign.files.items():
        origin = campaign.origins[name]
        try:
            kept = (folder / name).read_bytes()
        except FileNotFoundError:
            yield f"{origin}: was no part of it"
            continue
        if kept == content:
            continue
        if name.endswith(".yaml"):
            yield from _differences(origin, _parsed(kept), _parsed(content))
        else:
            yield f"{origin}: has changed"


def _defining(data: object) -> dict[str, object]:
    """Of a campaign, what decides its runs: a budget may be raised, and a simulator may move to another address."""
    from av_synth.launch.choose import is_at_address

    known = data if isinstance(data, dict) else {}
    simulator = known.get("simulator", "embedded")
    return {"simulator": "an address" if is_at_address(simulator) else simulator, "runs": known.get("runs")}


def _parsed(content: bytes) -> object:
    from av_synth.documents import parse

    return parse(content, "").data


def _differences(at: str, before: object, now: object) -> Iterator[str]:
    """Each place where plain values differ, with what is there and was; comments and spaces are none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            if key not in now or key not in before:
                yield f"{at}: {key} {'is new' if key in now else 'is gone'}"
            else:
                yield from _differences(f"{at}: {key}", before[key], now[key])
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{at}[{number}]", one, other)
    elif type(before) is not type(now) or before != now:
        yield f"{at}: is {_short(now)}, was {_short(before)}"


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _to_json(plan: Plan) -> dict[str, object]:
    from av_synth.farm.planning.recipes import to_json

    return {
        "version": VERSION,
        "campaign": dict(plan.campaign),
        "entries": list(plan.entries),
        "facts": {town: dict(facts) for town, facts in plan.facts.items()},
        "runs": [{**vars(run), "recipe": to_json(run.recipe)} for run in plan.runs],
    }


def _recipe(data: Mapping[str, Any]) -> Recipe:
    """A recipe of what `recipes.to_json` made."""
    return Recipe(**{**data, "without": tuple(data.get("without", ()))})
