"""Runs that were given up, each with the evidence: nothing here is ever deleted.

    <store>/quarantine/<run_id>/recipe.json          what was to be played
    <store>/quarantine/<run_id>/attempt-<n>/         failure.json, and the last 64 kB of each log as it was then
    <store>/quarantine/.noted/<run_id>/attempt-<n>/  the same of attempts that failed and were, or are to be, made again
    <store>/quarantine/.released/<run_id>-<k>/       what somebody had tried again, or a committed run that was damaged

Further attempts of one number are attempt-<n>.<k>: one that is not charged has the number of the next one, and numbers
begin anew when a damaged run is made again.

A run is in quarantine from the rename that makes `quarantine/<run_id>`, with all of its evidence, to the rename that
moves it aside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from av_synth.errors import StoreError, UserError
from av_synth.farm import crash
from av_synth.farm.model import Event, Failure, FailureClass, PlannedRun
from av_synth.store.files import (
    as_mapping,
    canonical_json,
    fsync_directories,
    in_utf8,
    read_json,
    write_file,
)
from av_synth.store.runs import RUN_ID, STAGING, check_run_id, run_path
from av_synth.store.scratch import scratch

FOLDER = "quarantine"
TAIL_BYTES = 64 << 10
_ATTEMPT = re.compile(r"attempt-(\d+)(?:\.(\d+))?")

Tell = Callable[[Event], object]
"""Has the journal written an event before it returns."""


def note(store: Path, run_id: str, attempt: int, failure: Failure) -> None:
    """Keep the evidence of a failed attempt while its logs are there. The run is not in quarantine by that.

    Args:
        store: the store's folder.
        run_id: of the run.
        attempt: its number; what was noted of another attempt of this number before stays beside it.
        failure: what is known of it. Logs that cannot be read are named in failure.json, and no error.

    Raises:
        StoreError: if it cannot be written.
    """
    noted = _folder(store) / ".noted" / check_run_id(run_id)
    with scratch(Path(store) / STAGING, f"{run_id}-{attempt}") as staging:
        new = staging / "new"
        _make_folder(new)
        copied: dict[str, str | None] = {}
        for log in failure.logs:
            copied[in_utf8(str(log))] = _copy_tail(log, new)
        facts = asdict(failure) | {"run": run_id, "attempt": attempt, "kind": failure.kind.value, "logs": copied}
        facts |= {key: in_utf8(facts[key]) for key in ("error", "message", "machine")}
        write_file(new / "failure.json", canonical_json(facts), durable=True)
        fsync_directories((new,))
        crash.point("quarantine.note.written")
        _make_folder(noted)
        there = set(os.listdir(noted))
        names = (f"attempt-{attempt}" + (f".{k}" if k else "") for k in range(len(there) + 1))
        final = next(noted / name for name in names if name not in there or _is_copy(new, noted / name))
        if final.name not in there:
            _rename(new, final)
            crash.point("quarantine.note.placed")
        fsync_directories((noted, noted.parent))


def put(store: Path, run: PlannedRun) -> Path:
    """Give a run up, with what was noted of its attempts. If it is in quarantine already, nothing changes.

    Args:
        store: the store's folder.
        run: what was to be played.

    Returns:
        `<store>/quarantine/<run_id>`, on disk with everything in it.

    Raises:
        StoreError: if it cannot be written; it is in quarantine whole or not at all.
    """
    folder = _folder(store)
    final = folder / check_run_id(run.run_id)
    if final.is_dir():
        return final
    noted = folder / ".noted" / run.run_id
    _make_folder(noted)
    crash.point("quarantine.put.noted")
    recipe = noted / "recipe.json"
    if not recipe.exists():
        with scratch(Path(store) / STAGING, run.run_id) as staging:
            write_file(staging / "recipe.json", canonical_json(_as_json(run)), durable=True)
            crash.point("quarantine.put.written")
            _rename(staging / "recipe.json", recipe)
    crash.point("quarantine.put.complete")
    fsync_directories((noted,))
    _rename(noted, final)
    crash.point("quarantine.put.placed")
    fsync_directories((folder, noted.parent))
    return final


def listed(store: Path) -> tuple[str, ...]:
    """Ids of the runs in quarantine, in order."""
    folder = _folder(store)
    return tuple(sorted(name for name in os.listdir(folder) if RUN_ID.fullmatch(name))) if folder.is_dir() else ()


def evidence(store: Path, run_id: str) -> dict[int, Failure]:
    """What is kept of a run's failed attempts, by their numbers (of several with one number, the last one).

    `logs` are the copies that were kept.

    Raises:
        StoreError: if something is there that was not written by `note`.
    """
    folder = _folder(store) / check_run_id(run_id)
    if not folder.is_dir():
        folder = _folder(store) / ".noted" / run_id
    names = os.listdir(folder) if folder.is_dir() else ()
    found = sorted((int(of[1]), int(of[2] or 0), of[0]) for name in names if (of := _ATTEMPT.fullmatch(name)))
    last = {number: name for number, _, name in found}
    return {number: _read_failure(folder / name) for number, name in last.items()}


def release(store: Path, run_ids: Iterable[str], tell: Tell) -> tuple[Path, ...]:
    """Have runs made again: their attempts count anew, and what was known of them is moved aside.

    Args:
        store: the store's folder.
        run_ids: those meant.
        tell: called before each is moved: a run whose attempts count anew, and that is still in quarantine, stays
            there until this is asked again; the other way round it would come back at once.

    Returns:
        Where the evidence of each is now.

    Raises:
        UserError: if one of them is not in quarantine; then nothing has changed.
        StoreError: if one cannot be moved.
    """
    wanted = sorted(set(run_ids))
    missing = sorted(set(wanted) - set(listed(store)))
    if missing:
        raise UserError(f"{store}: not in quarantine: {', '.join(missing)}; `av-synth status {store}` lists what is")
    folder = _folder(store)
    moved = []
    for run_id in wanted:
        tell({"event": "released", "run": run_id})
        crash.point("quarantine.release.told")
        target = _next_released(folder, run_id)
        _rename(folder / run_id, target)
        crash.point("quarantine.release.moved")
        fsync_directories((folder, target.parent))
        moved.append(target)
    return tuple(moved)


def set_aside(store: Path, run_id: str, why: str, tell: Tell) -> Path:
    """Have a committed run that is damaged made again: it is moved, as it is, to where released evidence is.

    Args:
        store: the store's folder.
        run_id: of the run.
        why: what is wrong with it.
        tell: called first, as in `release`.

    Returns:
        `<store>/quarantine/.released/<run_id>-<k>`: damage.json, and the run in run/.

    Raises:
        StoreError: if it cannot be moved; then it is where it was.
    """
    folder = _folder(store)
    source = run_path(store, run_id)
    tell({"event": "released", "run": run_id, "damaged": why})
    crash.point("quarantine.set_aside.told")
    with scratch(Path(store) / STAGING, run_id) as staging:
        write_file(staging / "damage.json", canonical_json({"run": run_id, "message": in_utf8(why)}), durable=True)
        target = _next_released(folder, run_id)
        _rename(staging, target)
    crash.point("quarantine.set_aside.written")
    _rename(source, target / "run")
    crash.point("quarantine.set_aside.moved")
    fsync_directories((source.parent, target, target.parent))
    return target


def _folder(store: Path) -> Path:
    return Path(store) / FOLDER


def _next_released(folder: Path, run_id: str) -> Path:
    released = folder / ".released"
    _make_folder(released)
    there = set(os.listdir(released))
    return released / next(name for k in range(1, len(there) + 2) if (name := f"{run_id}-{k}") not in there)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror or error}") from error


def _rename(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        raise StoreError(f"{source}: cannot be moved to {target}: {error.strerror or error}") from error


def _is_copy(one: Path, other: Path) -> bool:
    """Whether two folders have the same files with the same content."""
    try:
        first, second = ({path.name: path.read_bytes() for path in each.iterdir()} for each in (one, other))
    except OSError:
        return False
    return first == second


def _copy_tail(log: Path, folder: Path) -> str | None:
    """The name of the copy of a log's end in a folder; None if it cannot be read here (it may be another machine's)."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
    except OSError:
        return None
    taken = set(os.listdir(folder))
    name = next(name for k in range(len(taken) + 1) if (name := f"{in_utf8(log.stem)}{k or ''}.log") not in taken)
    write_file(folder / name, tail, durable=True)
    return name


def _as_json(run: PlannedRun) -> dict[str, object]:
    recipe = vars(run.recipe) | {
        "values": dict(run.recipe.values),
        "overrides": dict(run.recipe.overrides),
        "weather": None if run.recipe.weather is None else dict(run.recipe.weather),
    }
    return vars(run) | {"recipe": recipe}


def _read_failure(folder: Path) -> Failure:
    path = folder / "failure.json"
    facts = as_mapping(read_json(path), str(path))
    try:
        logs = as_mapping(facts["logs"], f"{path}: logs")
        return Failure(
            kind=FailureClass(facts["kind"]),
            error=str(facts["error"]),
            message=str(facts["message"]),
            machine=str(facts["machine"]),
            logs=tuple(folder / str(name) for name in logs.values() if name is not None),
        )
    except (KeyError, ValueError) as error:
        raise StoreError(f"{path}: not what was written of a failed attempt: {error!r}") from error
