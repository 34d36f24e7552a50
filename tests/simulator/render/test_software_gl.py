"""Fetching the software OpenGL library, with the real pip and a small wheel in its place."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from av_synth.errors import LaunchError
from av_synth.simulator.render import egl, software_gl
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


@pytest.fixture
def no_egl(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without EGL."""
    monkeypatch.setattr(egl, "_EGL", "libNoEGL.so.1")


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose one GPU is the file `dri/renderD128` here."""
    gpu = tmp_path / "dev" / "dri" / "renderD128"
    gpu.parent.mkdir(parents=True)
    gpu.touch()
    monkeypatch.setattr(egl, "_DEVICES", tmp_path / "dev")
    return gpu


def test_two_that_fetch_at_once_get_one_whole_folder(
    wheel: Path, no_egl: None, devices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: software_gl.fetch(), range(2))
    assert first == second == software_gl.cache_folder()
    assert [p.name for p in first.iterdir()] == ["libOSMesa-x.so"]
    assert sorted(p.name for p in first.parent.iterdir()) == [first.name, f"{first.name}.lock"]
    wheel.unlink()
    assert software_gl.main() == 0  # out of the cache, with nothing left to download
    said = capsys.readouterr().out
    assert re.fullmatch(rf"EGL: .*libNoEGL.so.1.*\nsoftware OpenGL in {re.escape(str(first))}\n", said)
    devices.unlink()
    assert software_gl.main() == 0  # where EGL would be software, it is not asked
    assert capsys.readouterr().out == f"no GPU: software OpenGL in {first}\n"


def test_another_file_than_the_pinned_one_is_refused_and_leaves_nothing(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software_gl, "SHA256", "0" * 64)
    with pytest.raises(LaunchError, match="pip could not fetch"):
        software_gl.fetch()
    assert not software_gl.cache_folder().exists()


@pytest.mark.parametrize("gpu", [True, False], ids=["a GPU", "no GPU"])
def test_where_neither_way_works_both_reasons_are_told_in_the_order_of_trying_and_one_to_whoever_insists(
    tmp_path: Path, no_egl: None, devices: Path, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    software_gl.cache_folder().mkdir(parents=True)
    if not gpu:
        devices.unlink()
    incomplete = r"software OpenGL: .*: want one libpcre2\*, got 0; remove the folder"
    both = rf"EGL: .*\n{incomplete}" if gpu else rf"{incomplete}\nEGL: .*"
    for way, reasons in (("", both), ("egl", r"EGL: .*"), ("osmesa", incomplete)):
        monkeypatch.setenv("AV_SYNTH_GL", way)
        with pytest.raises(LaunchError) as caught:
            create_context()
        assert re.fullmatch(reasons, str(caught.value)), way


def test_a_library_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    software_gl.cache_folder().mkdir(parents=True)
    for stem in software_gl._LOAD_ORDER:
        (software_gl.cache_folder() / f"{stem}-x.so").write_text("no library")
    with pytest.raises(LaunchError, match=r"software OpenGL: .*/libpcre2-x.so: .*"):
        software_gl.OsMesaContext()


def test_a_cache_that_cannot_be_and_a_machine_without_a_wheel_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(LaunchError, match=r"cannot be written: Not a directory; set XDG_CACHE_HOME"):
        software_gl.fetch()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(LaunchError, match=r"there is none to fetch for linux on riscv64; install EGL"):
        software_gl.fetch()


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
