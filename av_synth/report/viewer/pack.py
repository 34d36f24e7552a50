"""Named arrays in one piece of bytes, as the page's data.js reads them.

uint32, length of the header | header, JSON, filled up with blanks | arrays, each from a multiple of 8 bytes on
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_ALIGNED = 8
_TYPES = {"|u1": "Uint8Array", "|i1": "Int8Array", "<u2": "Uint16Array", "<i2": "Int16Array"}
_TYPES |= {"<u4": "Uint32Array", "<i4": "Int32Array", "<f4": "Float32Array"}


class Pack:
    """Arrays by name, in the order in which they were added, and the JSON values that go with them."""

    def __init__(self) -> None:
        self.about: dict[str, object] = {}
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def add(self, name: str, array: npt.NDArray[Any]) -> None:
        """Add an array of one of the types that JavaScript has; its shape is not kept."""
        self._arrays[name] = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))

    def nbytes(self) -> int:
        """Bytes of all arrays before they are compressed."""
        return sum(array.nbytes for array in self._arrays.values())

    def compressed(self) -> bytes:
        """Everything, gzipped: equal content gives equal bytes with one version of zlib."""
        listed: dict[str, Mapping[str, object]] = {}
        at = 0
        for name, array in self._arrays.items():
            listed[name] = {"type": _TYPES[array.dtype.str], "at": at, "length": array.size}
            at += -(-array.nbytes // _ALIGNED) * _ALIGNED
        told = json.dumps({**self.about, "arrays": listed}, allow_nan=False, separators=(",", ":"))
        header = told.encode("ascii")
        header += b" " * (-(4 + len(header)) % _ALIGNED)
        parts = [len(header).to_bytes(4, "little"), header]
        for array in self._arrays.values():
            parts += [array.tobytes(), bytes(-array.nbytes % _ALIGNED)]
        return gzip.compress(b"".join(parts), compresslevel=7, mtime=0)
