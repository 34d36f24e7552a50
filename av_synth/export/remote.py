"""Datasets at fsspec addresses (s3://, gs://, memory://, file://, ...): uploaded file by file, with a marker last.

An object store cannot swap folders. So a dataset there is whole if, and only if, `_av_synth_complete.json` is there:
while it is replaced, the marker is away and `_av_synth_uploading.json` says whose half-made files these are, so that
the next try may go on top of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av_synth
from av_synth.errors import UserError
from av_synth.export.contents import MARKER, refuse_others
from av_synth.store import canonical_json
from av_synth.store.addresses import Remote, compare, send, told_by

COMPLETE = "_av_synth_complete.json"
UPLOADING = "_av_synth_uploading.json"


def refuse_foreign(remote: Remote, form: str) -> None:
    """Raise UserError if something is there that is no dataset, whole or half, of this format that av_synth wrote."""
    with told_by(remote, "cannot be looked at"):
        if remote.system.isfile(remote.path):
            raise UserError(f"{remote.address}: a file is in the way; name another place")
        there = _entries(remote)
        if not there:
            return
        marker = _marker(remote)
        if marker is None:
            raise UserError(
                f"{remote.address}: holds '{min(there)}', and no dataset that av_synth wrote; name another place"
            )
        if marker.get("format") != form:
            held = f"holds a dataset in the format {marker.get('format')}, not {form}"
            raise UserError(f"{remote.address}: {held}; name another place")
        found = (remote.below(path) for path in remote.system.find(remote.path))
        refuse_others(remote.address, found, {*_own(marker), COMPLETE, UPLOADING})


def upload(folder: Path, remote: Remote, form: str) -> None:
    """Put a finished dataset in place of what is there: all files, then a look at their sizes, then the marker.

    Args:
        folder: the dataset, checked.
        remote: where it goes.
        form: name of its format.

    Raises:
        UserError: if something is there that may not go (see `refuse_foreign`); then nothing is changed.
        StoreError: if anything fails; then there is no marker of a whole dataset.
    """
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    system, root = remote.system, remote.path
    refuse_foreign(remote, form)
    told = {"format": form, "av_synth": av_synth.__version__, "files": len(sizes), "bytes": sum(sizes.values())}
    with told_by(remote, f"upload failed, so there is no {COMPLETE}; run the command again"):
        before = _own(_marker(remote) or {})
        system.makedirs(root, exist_ok=True)
        _put(remote, UPLOADING, {"format": form, "paths": sorted(before.union(sizes))})
        if system.exists(f"{root}/{COMPLETE}"):
            system.rm_file(f"{root}/{COMPLETE}")
        for parent in sorted({name.rpartition("/")[0] for name in sizes} - {""}):
            system.makedirs(f"{root}/{parent}", exist_ok=True)
        # what tells a reader that a dataset is there goes last, even if it does not know the marker
        send(remote, folder, sorted(sizes, key=lambda name: (name.rpartition("/")[2] == MARKER, name)))
        compare(remote, sizes, before)
        _put(remote, COMPLETE, {**told, "paths": sorted(sizes)})
        system.rm_file(f"{root}/{UPLOADING}")


def _entries(remote: Remote) -> set[str]:
    """Names of what is in the folder; empty if there is none."""
    remote.system.invalidate_cache()
    try:
        found = remote.system.ls(remote.path, detail=False)
    except FileNotFoundError:
        return set()
    return {remote.below(path).partition("/")[0] for path in found} - {""}


def _marker(remote: Remote) -> Mapping[str, Any] | None:
    """What the marker of a whole dataset says, or that of a half one; None if there is neither."""
    for name in (COMPLETE, UPLOADING):
        try:
            content = json.loads(remote.system.cat_file(f"{remote.path}/{name}"))
        except FileNotFoundError:
            continue
        except ValueError:
            return None
        return content if isinstance(content, dict) else None
    return None


def _own(marker: Mapping[str, Any]) -> set[str]:
    """The files of a dataset whose marker this is; none if an earlier av_synth wrote it, without saying."""
    listed = marker.get("paths")
    return set(map(str, listed)) if isinstance(listed, list) else set()


def _put(remote: Remote, name: str, content: Mapping[str, object]) -> None:
    remote.system.pipe_file(f"{remote.path}/{name}", canonical_json(dict(content)))
