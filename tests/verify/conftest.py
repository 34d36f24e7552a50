"""The synthetic dataset, built once, and editable copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_dataset
from synthetic_copies import Copy, link_tree


@pytest.fixture(scope="session")
def true_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset.build(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture
def copy(true_dataset: Path, tmp_path: Path) -> Copy:
    return Copy(link_tree(true_dataset, tmp_path / "copy"))
