"""The page: data, scripts and style in one file, which asks for nothing and may ask for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from av_synth.errors import UserError
from av_synth.export.scene import Scene
from av_synth.report.viewer.bodies import Log
from av_synth.report.viewer.facts import add_facts
from av_synth.report.viewer.lidar import add_structure, add_turns
from av_synth.report.viewer.pack import Pack
from av_synth.report.viewer.pictures import add_pictures
from av_synth.report.viewer.town import add_town
from av_synth.store import Run, replace_file

MOST_BYTES = 15_000_000
"""How large a page may become."""

_PICTURES_SHARE = 0.6  # of what the log and the town leave; the lidar has the rest
_PACKED = (1.5, 1.0)  # how much smaller points become when they are compressed, as hoped and at worst
_SCRIPTS = (
    *("maths.js", "lens.js", "data.js", "gl.js", "camera.js", "world.js", "labels.js", "plots.js", "panel.js"),
    "main.js",
)
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?=const|let|function|class|async)", re.MULTILINE)


def write_viewer(run: Run, out: Path, *, most_bytes: int = MOST_BYTES) -> Path:
    """Write a page that shows a run in 3D, tick by tick; it opens in any browser with WebGL2, without a network.

    Equal runs give equal pages with the same versions of the libraries.

    Args:
        run: a committed run; sensors are shown as far as it has some.
        out: the file to write, replaced if it is there.
        most_bytes: the page is not larger: pictures and lidar turns are thinned until it is not.

    Returns:
        `out`.

    Raises:
        UserError: if even without pictures and lidar it would be larger.
        StoreError: if the run cannot be read or the page not be written.
        DataError: if the run contradicts itself.
    """
    out = Path(out)
    text = _page(run, most_bytes)
    replace_file(out, text.encode())
    return out


def plain_script(name: str) -> str:
    """A module of this folder without its imports and exports, as a script that shares its names with others."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return _EXPORT.sub("", _IMPORT.sub("", text))


def _page(run: Run, most_bytes: int) -> str:
    scene = Scene(run.folder)
    pack = Pack()
    log = Log(scene)
    origin = add_facts(pack, scene)
    way = run.table("ego_poses", ("frame", "x_m", "y_m", "z_m", "qw", "qx", "qy", "qz"))
    pose = np.stack([way.column(name).to_numpy() for name in way.column_names[1:]], axis=1)
    add_town(pack, scene, origin, pose[:, :2])
    add_structure(pack, scene, log, origin)
    pose[:, :3] -= origin
    pack.add("ego_frames", way.column("frame").to_numpy())
    pack.add("ego_poses", pose.astype(np.float32))
    script = _script()
    fixed = len(_html(scene, script, pack.compressed(), b"").encode())
    room = (most_bytes - fixed) * 3 // 4
    if room < 0:
        raise UserError(
            f"run {run.run_id}: its log and town alone make a page of {fixed:,} bytes; want at most {most_bytes:,}: "
            "allow more, or take a shorter run"
        )
    room -= 65_536 + len(scene.records) * 64  # what is told of pictures and turns
    pictures = add_pictures(pack, scene, max(0, int(room * _PICTURES_SHARE)))
    text = ""
    for packed in _PACKED:
        add_turns(pack, scene, log, max(0, int((room - len(pictures)) * packed)))
        text = _html(scene, script, pack.compressed(), pictures)
        if len(text.encode()) <= most_bytes:
            break
    return text


def _script() -> str:
    """The modules of this folder as one: their imports of one another fall away."""
    return "\n".join(map(plain_script, _SCRIPTS))


def _html(scene: Scene, script: str, data: bytes, pictures: bytes) -> str:
    folder = resources.files(__package__)
    style = folder.joinpath("viewer.css").read_text(encoding="utf-8")
    body = folder.joinpath("page.html").read_text(encoding="utf-8")
    title = f"{scene.run.manifest['scenario']}, seed {scene.run.manifest['seed']}"
    # nothing is loaded, and nothing but this very script and style is run
    policy = (
        "default-src 'none'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style></head>\n<body>\n{body}"
        f'<script type="application/gzip" id="run-data">{base64.b64encode(data).decode("ascii")}</script>\n'
        f'<script type="image/webp" id="run-pictures">{base64.b64encode(pictures).decode("ascii")}</script>\n'
        f'<script type="module">{script}</script>\n</body></html>\n'
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
