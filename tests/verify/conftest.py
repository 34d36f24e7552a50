"""The synthetic dataset, built once, and editable copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_dataset
from synthetic_copies import Copy, link_tree

FEW_CAMERAS = ("CAM_FRONT", "CAM_BACK", "CAM_BACK_RIGHT", "CAM_FRONT_FAR")


@pytest.fixture(scope="session")
def true_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.build(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="session")
def one_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.build(tmp_path_factory.mktemp("one_scene"), (0,), FEW_CAMERAS)


@pytest.fixture
def copy(one_scene: Path, tmp_path: Path) -> Copy:
    """Of one scene and four cameras, which takes a third of the time."""
    return Copy(link_tree(one_scene, tmp_path / "copy"))
