"""Fetching the software OpenGL library, with the real pip and a small wheel in its place."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from av_synth.errors import LaunchError
from av_synth.simulator.render import software_gl
from av_synth.simulator.render.context import create_context


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the pinned name that alone pip can find, and whose hash is the pinned one."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "lavavu_osmesa-1.9.10-cp311-cp311-manylinux_2_28_x86_64.whl"
    info = "lavavu_osmesa-1.9.10.dist-info/"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lavavu_osmesa.libs/libOSMesa-x.so", b"library")
        archive.writestr("lavavu/other.py", b"not wanted")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: lavavu-osmesa\nVersion: 1.9.10\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux\n")
        archive.writestr(info + "RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(software_gl, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_two_that_fetch_at_once_get_one_whole_folder(wheel: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: software_gl.fetch(), range(2))
    assert first == second == software_gl.cache_folder()
    assert [p.name for p in first.iterdir()] == ["libOSMesa-x.so"]
    assert sorted(p.name for p in first.parent.iterdir()) == [first.name, f"{first.name}.lock"]
    wheel.unlink()
    assert software_gl.fetch() == first  # out of the cache, with nothing left to download


def test_another_file_than_the_pinned_one_is_refused_and_leaves_nothing(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software_gl, "SHA256", "0" * 64)
    with pytest.raises(LaunchError, match="pip could not fetch"):
        software_gl.fetch()
    assert not software_gl.cache_folder().exists()


def test_an_incomplete_cache_is_named(wheel: Path) -> None:
    software_gl.fetch()
    with pytest.raises(LaunchError, match=r"want one libpcre2.*remove the folder"):
        software_gl.OsMesaContext()


def test_an_unknown_way_to_opengl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AV_SYNTH_GL", "vulkan")
    with pytest.raises(LaunchError, match="want egl, osmesa"):
        create_context()


@pytest.mark.long
def test_the_real_library_draws_the_same_labels_as_egl(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from tests.simulator.render.conftest import *\n"
        "frames = Renderer(town(), bodies()).render(scene(at(3, 'car', 9.0)), camera(), frozenset({'labels', 'rgb'}))\n"
        "np.save(sys.argv[1], frames.actor_id)\n"
    )
    images = []
    for way in ("egl", "osmesa"):
        path = tmp_path / f"{way}.npy"
        root = Path(__file__).parents[3]
        environment = {**os.environ, "AV_SYNTH_GL": way, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", code, str(path)], env=environment, cwd=root, check=True)
        images.append(np.load(path))
    assert (images[0] != images[1]).mean() < 1e-3
