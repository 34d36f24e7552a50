"""The wheel has everything that a run needs, and works where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from av_synth import rig, scenario
from av_synth.farm.planning import campaign
from tools.wheel import KINDS, ROOT, build_wheel

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
ASK = """
import json, av_synth
from av_synth import documents, rig, scenario
from av_synth.farm.planning import campaign
campaign.load("demo")
print(json.dumps([av_synth.__file__, str(documents.library_root()), scenario.names(), rig.names(), campaign.names()]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_code_library_data_type_marker_and_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    package = {path for path in (ROOT / "av_synth").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in package} - names == set()
    assert {"av_synth/py.typed", "av_synth/simulator/render/shaders/frame.glsl"} <= names
    files = (path for kind in KINDS for path in (ROOT / kind).rglob("*") if path.is_file())
    library = {f"av_synth/library/{path.relative_to(ROOT)}" for path in files}
    assert {name for name in names if name.startswith("av_synth/library/")} == library
    assert [name for name in names if name.endswith("/licenses/LICENSE")]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"av_synth"}


def test_installed_elsewhere_it_finds_its_own_library(wheel, tmp_path):
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    command = [*PIP, "install", "--no-deps", "--no-index", "--no-compile", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True)
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=here, env=environment, capture_output=True, text=True, check=True
    )
    package, library, *names = json.loads(done.stdout)

    assert Path(package) == site / "av_synth" / "__init__.py"
    assert Path(library) == site / "av_synth" / "library"
    assert list(map(tuple, names)) == [scenario.names(), rig.names(), campaign.names()]
    assert [entry.name for entry in (site / "bin").iterdir()] == ["av-synth"]
    assert list(here.iterdir()) == []
