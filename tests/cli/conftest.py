"""One store for all verbs that read one."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.cli.app import status
from tests.export.synthetic_run import build_run


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one committed run and its dataset, made without a simulator."""
    root = tmp_path_factory.mktemp("store")
    build_run(root, 0)
    assert status(["export", str(root)]) == 0
    return root
