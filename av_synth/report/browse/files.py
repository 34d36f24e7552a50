"""The page as files that open without a server: a folder that can be copied, zipped and sent.

    index.html, page/        the page as the server has it
    data/index.js            the list; data/scene-NNNNN.js a scene; data/points-NNNNN-K.js a lidar turn, base64
    small/, pictures/        pictures by the place of their scene in the list, no wider than 960 px

A page of file:// may not fetch, so data are scripts that hand over one value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from av_synth import store
from av_synth.errors import DataError, StoreError, UserError
from av_synth.report.browse.library import Library, as_json, write_viewer
from av_synth.report.browse.server import PAGE_FILES, page_file
from av_synth.report.thumbnails import no_wider

_WIDEST_PX = 960


def write_files(library: Library, out: Path, tell: Callable[[int, int], None]) -> Path:
    """Write the page.

    Args:
        library: what is shown.
        out: a new or empty folder; of a run alone also a file that ends in .html, its 3D viewer.
        tell: is told how many of the scenes are written.

    Returns:
        The page to open.

    Raises:
        UserError: if there is something at `out` already, or a store or dataset is to be one file.
        StoreError: if it cannot be written, or no scene can be read. One of several is one whose card says why.
    """
    if out.suffix == ".html":
        return _one_file(library, out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--html: {out} is there already; want the name of a new folder")
    store.need_place("--html", out)
    with store.scratch(out.absolute().parent, f".{out.name}") as folder:
        _write_all(library, folder, tell)
        store.replace_directory(folder, out)
    return out / "index.html"


def _one_file(library: Library, out: Path) -> Path:
    directory = library.source.run_folder(library.ids()[0]) if library.source.kind == "run" else None
    if directory is None:
        raise UserError(
            f"--html: {out}: only a run can be one file, and this is a {library.source.kind}; want the name of a folder"
        )
    if out.exists():
        raise UserError(f"--html: {out} is there already; want the name of a new file")
    store.need_place("--html", out)
    write_viewer(directory, out)
    return out


def _write_all(library: Library, folder: Path, tell: Callable[[int, int], None]) -> None:
    page = page_file("index.html").replace(b"<html ", b"<html data-files ", 1)
    store.write_file(folder / "index.html", page)
    for name in PAGE_FILES:
        store.write_file(folder / "page" / name, page_file(name))
    ids = library.ids()
    index = json.loads(library.index(0, len(ids)))
    for place, card in enumerate(index["scenes"]):
        card["viewer"] = False
        if not card["problem"]:
            try:
                _write_scene(library, folder, f"{place:05d}", card["id"])
            except (DataError, StoreError) as error:  # the page says so, and has the others
                card["problem"] = str(error)
        tell(place + 1, len(ids))
    unread = [card["problem"] for card in index["scenes"] if card["problem"]]
    if unread and len(unread) == len(ids):
        raise StoreError(unread[0] if len(ids) == 1 else f"none of {len(ids)} can be read; the first: {unread[0]}")
    _write_data(folder, "index", as_json(index))


def _write_scene(library: Library, folder: Path, name: str, scene: str) -> None:
    frames = library.open(scene).detail.frames
    _write_data(folder, f"scene-{name}", library.scene(scene))
    for suffix, picture in (("", library.thumbnail(scene)), ("-strip", library.strip(scene))):
        if picture is not None:
            store.write_file(folder / "small" / f"{name}{suffix}.jpg", picture)
    for number, frame in enumerate(frames):
        for k, view in enumerate(frame.views):
            path = library.picture(scene, number, view.channel)
            if path is not None:
                store.write_file(folder / "pictures" / name / f"{number}-{k}.jpg", no_wider(path, _WIDEST_PX))
        _write_points(library, folder, name, scene, number)


def _write_points(library: Library, folder: Path, name: str, scene: str, number: int) -> None:
    points = library.points(scene, number)
    if points is not None:
        _write_data(folder, f"points-{name}-{number}", json.dumps(base64.b64encode(points).decode()).encode())


def _write_data(folder: Path, name: str, value: bytes) -> None:
    """JSON is JavaScript."""
    store.write_file(
        folder / "data" / f"{name}.js", b"AV.files.take(" + json.dumps(name).encode() + b", " + value + b");\n"
    )
