"""Files that the tables of a dataset name, whoever wrote these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError, StoreError

_COLUMNS = 5


def file_of(root: Path, name: str) -> Path:
    """A file that a table names.

    Raises:
        DataError: if it is not in the dataset's folder: tables, and links, may say anything.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise DataError(
            f"{root}: '{name}' leads out of the dataset; want its files, not links to others, in its folder"
        )
    return path


def read_points(path: Path) -> npt.NDArray[np.float32]:
    """A lidar turn, (N, 5): x, y, z in metres, lidar frame, intensity and ring; points that are not finite are gone.

    Raises:
        StoreError: if the file cannot be read.
        DataError: if it is no rows of five numbers.
    """
    try:
        values = np.fromfile(path, dtype="<f4")
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(values) % _COLUMNS:
        raise DataError(f"{path}: {len(values)} numbers are no points of {_COLUMNS}")
    points = values.reshape(-1, _COLUMNS)
    return points[np.isfinite(points).all(axis=1)]
