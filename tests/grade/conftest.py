"""A dataset of tables alone, built once."""

from __future__ import annotations

from pathlib import Path

import few_tables
import pytest


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_tables.build(tmp_path_factory.mktemp("few_tables") / "dataset")
