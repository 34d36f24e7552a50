"""Many committed runs for the price of one: the same files under other run ids."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path


def clones(run: Path, root: Path, count: int) -> Iterator[Path]:
    """Runs of the same content as one committed run, each with an id and a seed of its own; files are hard links.

    Args:
        run: the run.
        root: a store of their own.
        count: how many.
    """
    manifest = json.loads((run / "manifest.json").read_text())
    files = [entry["path"] for entry in manifest["files"]]
    for number in range(count):
        run_id = hashlib.sha256(f"clone {number}".encode()).hexdigest()[:20]
        clone = root / "runs" / run_id
        for folder in sorted({(clone / path).parent for path in files}):
            folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            os.link(run / path, clone / path)
        (clone / "manifest.json").write_text(json.dumps(manifest | {"run_id": run_id, "seed": number}))
        yield clone
