"""Folders of runs joined into one: every run once, verified, linked where the file system can; whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import DataError, UserError
from av_synth.store.files import link_or_copy, replace_directory
from av_synth.store.places import need_place
from av_synth.store.runs import MANIFEST, RUNS, STAGING, Run, need_runs, open_run, run_path, runs
from av_synth.store.scratch import clear_scratch, scratch


@dataclass(frozen=True)
class Merged:
    """What a merge made.

    Attributes:
        root: the new folder.
        runs: how many runs are in it.
        doubled: how many runs were in more than one of the folders.
    """

    root: Path
    runs: int
    doubled: int


def merge(roots: Sequence[Path], out: Path, on_run: Callable[[int, int], None] | None = None) -> Merged:
    """Join folders of committed runs.

    Args:
        roots: folders with runs/ in them, in any order.
        out: the new folder; nothing may be there but an empty folder.
        on_run: told (runs done, runs in all).

    Raises:
        UserError: if a folder has no run, or something is at `out`.
        DataError: if two runs of one id are not the same.
        StoreError: if a run is not what was committed, or files cannot be read, linked or written.
    """
    out = Path(out).resolve()
    _refuse(roots, out)
    found: dict[str, list[Path]] = {}
    for directory in sorted({path.resolve() for root in roots for path in runs(root)}):
        found.setdefault(directory.name, []).append(directory)
    stem = f".{out.name}.staging"
    clear_scratch(out.parent, stem)
    with scratch(out.parent, stem) as staging:
        (staging / RUNS).mkdir()
        for done, (run_id, places) in enumerate(sorted(found.items()), 1):
            first, *others = (open_run(place, deep=True) for place in places)
            for other in others:
                _check_same(first, other)
            _place(first, run_path(staging, run_id))
            if on_run is not None:
                on_run(done, len(found))
        replace_directory(staging, out)
    return Merged(out, len(found), sum(len(places) > 1 for places in found.values()))


def adopt(root: Path, into: Path) -> int:
    """Take the runs of a folder into another one that has runs already; those that are there stay. May be repeated.

    Args:
        root: folder with runs/ in it.
        into: the other; made if it is not there.

    Returns:
        How many were taken.

    Raises:
        UserError: if the first has no run.
        StoreError: if a run is not what was committed, or files cannot be read, linked or written.
    """
    taken = 0
    for directory in need_runs(root):
        final = run_path(into, directory.name)
        if final.exists():
            continue
        final.parent.mkdir(parents=True, exist_ok=True)
        run = open_run(directory, deep=True)
        clear_scratch(into / STAGING, run.run_id)
        with scratch(into / STAGING, run.run_id) as staging:
            _place(run, staging)
            replace_directory(staging, final)
        taken += 1
    return taken


def _refuse(roots: Sequence[Path], out: Path) -> None:
    for root in roots:
        need_runs(root)
        if root.resolve() in out.parents:
            raise UserError(f"{out}: inside {root}, which is to be joined; name another place")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: there is something already; name a new folder")
    need_place("--out", out)  # it is staged beside


def _check_same(first: Run, other: Run) -> None:
    """Two attempts at one run on unlike machines may differ in pixels: which of them is meant, only the user knows."""
    if (first.folder / MANIFEST).read_bytes() == (other.folder / MANIFEST).read_bytes():
        return
    unlike = sorted(set(first.files.values()) ^ set(other.files.values()), key=lambda entry: entry.path)
    what = f"'{unlike[0].path}'" if unlike else "their manifests"
    raise DataError(
        f"{first.folder} and {other.folder} are both run {first.run_id}, but differ in {what}; "
        "remove the one that is not wanted"
    )


def _place(run: Run, target: Path) -> None:
    """Make the run's files at `target`; copies are read back."""
    for path in (*run.files, MANIFEST):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(run.folder / path, target / path)
    if not (target / MANIFEST).samefile(run.folder / MANIFEST):
        for path in (*run.files, MANIFEST):
            (target / path).chmod(0o444)
        open_run(target, deep=True)
