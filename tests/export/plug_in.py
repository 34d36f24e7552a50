"""A format as a package of another brings it: a module, and the dist-info folder that an installer writes beside it."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

CENSUS = '''
"""How many boxes of each category the runs have, as one table."""

import csv
from collections import Counter

from av_synth.errors import DataError
from av_synth.store import open_run


def write(runs, root, splits, *, least: int = 0, title: str = "census"):
    with (root / f"{title}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        for directory in runs:
            run = open_run(directory)
            counts = Counter(run.table("boxes").column("category").to_pylist())
            for category, count in sorted(counts.items()):
                if count >= least:
                    table.writerow([run.run_id, splits.of(run.run_id), category, count])


def check(root):
    if not any(path.stat().st_size for path in root.iterdir()):
        raise DataError("census: nobody was counted")
'''


def install(site: Path, package: str, entry_points: str, code: str = CENSUS) -> None:
    """Lay a package out in `site` as pip does."""
    (site / f"{package}.py").write_text(textwrap.dedent(code))
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[av_synth.formats]\n{entry_points}\n")
    sys.modules.pop(package, None)
