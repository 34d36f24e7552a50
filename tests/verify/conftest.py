"""The synthetic dataset, built once, and editable copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_dataset
from synthetic_copies import Copy, link_tree


@pytest.fixture(scope="session")
def one_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.build(tmp_path_factory.mktemp("one_scene"), (0,))


@pytest.fixture
def copy(one_scene: Path, tmp_path: Path) -> Copy:
    """Of one scene."""
    return Copy(link_tree(one_scene, tmp_path / "copy"))
