"""A one-scene synthetic dataset, built by the verifier's test generator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "verify"))


@pytest.fixture(scope="session")
def one_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import synthetic_dataset

    return synthetic_dataset.build(tmp_path_factory.mktemp("one_scene"), (0,), tuple(synthetic_dataset.CAMERAS))
