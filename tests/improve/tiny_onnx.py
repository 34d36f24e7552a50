"""ONNX files of a net that always gives one answer, written by hand: no package for it is needed.

The numbers of fields are those of onnx.proto3 (https://github.com/onnx/onnx), the encoding that of protocol buffers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    dims = b"".join(_number(1, side) for side in values.shape)
    return dims + _number(2, 1) + _bytes(8, name) + _bytes(9, values.tobytes())


def _node(kind: str, inputs: tuple[str, ...], output: str, attributes: bytes = b"") -> bytes:
    return b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(4, kind) + attributes


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, side)) for side in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def constant(answer: NDArray[np.float32]) -> bytes:
    """A net that takes an image of any size and answers with an array (1, N, 85) whatever the image shows."""
    to_one = b"".join(
        _bytes(1, node)
        for node in (
            _node("GlobalAveragePool", ("image",), "mean"),
            _node("Flatten", ("mean",), "flat"),
            _node("MatMul", ("flat", "zeros"), "nothing"),
            _node("Reshape", ("nothing", "shape"), "shaped"),
            _node("Add", ("shaped", "answer"), "output"),
        )
    )
    shape = _number(1, 3) + _number(2, 7) + _bytes(8, "shape") + _bytes(9, np.array([1, 1, 1], np.int64).tobytes())
    weights = (_tensor("zeros", np.zeros((3, 1), np.float32)), shape, _tensor("answer", answer))
    graph = to_one + _bytes(2, "net") + b"".join(_bytes(5, each) for each in weights)
    graph += _bytes(11, _value("image", (1, 3, 416, 416))) + _bytes(12, _value("output", answer.shape))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))
