"""What pages show is done on the embedded simulator: the tutorial from its first line to its last, and all how-tos."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages.blocks import ROOT, Block, blocks

PAGES = sorted({block.page for block in blocks() if not block.page.startswith("docs/reference/")})
CHEAPER = {"--rig nuscenes": "--rig tiny", "--count 200": "--count 4", "--count 50": "--count 4"}
SERVES = re.compile(r"av-synth (simulator\b|view (?!.*--html))")  # until Ctrl-C
NEEDS = {
    "out/first": ["run pedestrian_runs_out --rig tiny --out out/first"],
    "out/wet": ["run cut_in_wet --rig tiny --out out/wet --seed 1"],
    "out/monday": ["run cut_in_wet --rig tiny --out out/monday --seed 2", "run cut_in_wet --rig tiny --out out/monday"],
    "out/tuesday": ["run cut_in_wet --rig tiny --out out/tuesday --seed 3"],
}
"""What pages take for granted, by folder."""
LEFT = {
    "README.md": ["out/wet/nuscenes", "out/rain/nuscenes", "out/night/nuscenes", "out/pairs/pairs.json", "wet.mp4"],
    "docs/tutorial.md": [
        *("lead_brakes.png", "out/lead/nuscenes", "out/truth/index.html", "page/index.html", "lead.mp4"),
        *("out/night/nuscenes", "out/eyes/nuscenes", "out/braking/nuscenes", "out/braking/report/index.html"),
    ],
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


class Machine:
    """A machine on which `av-synth` is this checkout's; each page is followed in a folder of its own.

    Attributes:
        stores: where what pages take for granted was made, by folder; made when it is first asked for.
        made: campaigns that another page has had made already.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stores: set[str] = set()
        self.made: set[str] = set()
        program = folder / "bin" / "av-synth"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m av_synth.cli "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def typed(self, place: Path, line: str) -> None:
        """Have a shell do a line, and want that it succeeds."""
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        known = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(["bash", "-c", line], cwd=place, env=known, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"

    def provide(self, place: Path, folder: str) -> None:
        """Put a store that a page takes for granted into its folder."""
        if folder not in self.stores:
            for command in NEEDS[folder]:
                self.typed(self.folder, f"av-synth {command}")
            self.stores.add(folder)
        shutil.copytree(self.folder / folder, place / folder, copy_function=os.link)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


def ready(machine: Machine, place: Path, line: str) -> str:
    """The line as it can be done here: with what it reads made before, the true name of a run, and a small rig."""
    for wanted, cheaper in CHEAPER.items():
        line = line.replace(wanted, cheaper)
    line = re.sub(r"\.venv/bin/(?=av-synth)", "", line)
    line = re.sub(r"(?<= )RUN(?= )", "out/first", line)
    for folder in NEEDS:
        if re.search(rf"{folder}\b", line) and not (place / folder).exists() and f"--out {folder} " not in f"{line} ":
            machine.provide(place, folder)
    for store, run in re.findall(r"(out/\w+)/runs/(RUN|[0-9a-f]{20})", line):
        line = line.replace(f"{store}/runs/{run}", f"{store}/runs/{min((place / store / 'runs').iterdir()).name}")
    return line


def follow(machine: Machine, place: Path, block: Block) -> None:
    """Do what a block shows."""
    if block.file:
        (place / block.file).write_text(block.text, encoding="utf-8")
    elif block.not_run:
        return
    elif block.language == "python" and "write(runs" not in block.text:
        (place / "shown.py").write_text(block.text, encoding="utf-8")
        machine.typed(place, "python shown.py")
    elif block.language == "sh":
        for line in block.text.splitlines():
            shown = " ".join(line.partition(" #")[0].split())
            if SERVES.search(shown) or shown in machine.made:
                continue
            machine.typed(place, ready(machine, place, line))
            if shown.startswith("av-synth campaign"):
                machine.made.add(shown)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed_from_its_first_line_to_its_last_and_leaves_what_it_says(page, machine, tmp_path):
    for block in blocks():
        if block.page == page:
            follow(machine, tmp_path, block)

    assert [name for name in LEFT.get(page, ()) if not (tmp_path / name).exists()] == []
