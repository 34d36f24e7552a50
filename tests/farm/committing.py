"""Committed runs with hardly anything in them, for tests that look at stores from outside."""

from __future__ import annotations

from pathlib import Path

from av_synth import store as stores
from av_synth.store import tables


def commit(root: Path, run_id: str) -> Path:
    with stores.stage(root, run_id) as staging:
        for name in stores.REQUIRED_FILES:
            staging.write(name, b"{}")
        for name in tables.TABLES:
            staging.write(f"tables/{name}.parquet", name.encode())
        staging.write("blobs/CAM_FRONT/000000.jpg", b"payload")
        return staging.commit({"scenario": "s", "rig": "r", "seed": 1, "identity": {}, "provenance": {}, "counts": {}})
