"""Tiny models that tests write: a car of boxes as OBJ, a panel as glTF."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np

_BOX = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))
MTL = """\
newmtl body
Kd 0.8 0.1 0.1
newmtl pane
Kd 0.2 0.2 0.3
newmtl rubber
Kd 0.02 0.02 0.02
newmtl lamp
Kd 1 1 1
newmtl sticker
Kd 1 1 1
map_Kd sticker.png
newmtl seats
Kd 0.5 0.4 0.3
"""


def car_obj() -> str:
    """A car 4 x 1.6 x 1.5 units, y up, z forward, of boxes and wheels of twelve sides, with seats inside."""
    lines = ["mtllib car.mtl", "vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    count = 0

    def box(material: str, low: tuple[float, ...], high: tuple[float, ...], *, textured: bool = False) -> None:
        nonlocal count
        lines.append(f"usemtl {material}")
        for k in range(8):
            x, y, z = (high[j] if k >> j & 1 else low[j] for j in range(3))
            lines.append(f"v {x} {y} {z}")
        for quad in _BOX:
            corners = [f"{count + k + 1}/{j + 1}" if textured else f"{count + k + 1}" for j, k in enumerate(quad)]
            lines.append(f"f {' '.join(corners)}")
        count += 8

    def wheel(x: float, z: float) -> None:
        nonlocal count
        lines.append("usemtl rubber")
        turn = np.arange(12) * np.pi / 6
        for side in (-0.1, 0.1):
            lines.extend(f"v {x + side} {0.3 + 0.3 * np.cos(t):.6f} {z + 0.3 * np.sin(t):.6f}" for t in turn)
        lines.append("f " + " ".join(str(count + k + 1) for k in range(12)))
        lines.append("f " + " ".join(str(count + 24 - k) for k in range(12)))
        lines.extend(
            f"f {count + k + 1} {count + (k + 1) % 12 + 1} {count + (k + 1) % 12 + 13} {count + k + 13}"
            for k in range(12)
        )
        count += 24

    box("body", (-0.8, 0.2, -2.0), (0.8, 0.9, 2.0))
    box("pane", (-0.7, 0.9, -1.2), (0.7, 1.5, 0.8))
    box("seats", (-0.3, 0.3, -0.5), (0.3, 0.8, 0.5))
    for aside in (-0.75, 0.45):
        box("lamp", (aside, 0.5, 1.99), (aside + 0.3, 0.7, 2.0))
    box("sticker", (-0.801, 0.4, -0.5), (-0.79, 0.8, 0.5), textured=True)
    for x in (-0.7, 0.7):
        for z in (-1.3, 1.3):
            wheel(x, z)
    return "\n".join(lines) + "\n"


def write_car(folder: Path) -> Path:
    """car.obj with its MTL file and its picture, which is blue above and green below."""
    (folder / "car.obj").write_text(car_obj())
    (folder / "car.mtl").write_text(MTL)
    picture = np.zeros((16, 16, 3), dtype=np.uint8)
    picture[:8], picture[8:] = (220, 30, 20), (20, 180, 30)  # blue, green, red
    cv2.imwrite(str(folder / "sticker.png"), picture)
    return folder / "car.obj"


def panel_gltf(*, glb: bool = False, **changes: Any) -> bytes:
    """A square of two triangles, 2 x 2 units in its own x and y, moved by 5 along x and turned a quarter about y."""
    points = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype="<f4")
    places = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], dtype="<f4")
    order = np.array([0, 1, 2, 0, 2, 3], dtype="<u2")
    buffer = points.tobytes() + places.tobytes() + order.tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"translation": [5, 0, 0], "children": [1]},
            {"rotation": [0, float(np.sqrt(0.5)), 0, float(np.sqrt(0.5))], "mesh": 0},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [{"name": "grey", "pbrMetallicRoughness": {"baseColorFactor": [0.2158605, 0.0, 1.0, 1.0]}}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 0, "byteOffset": 48, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 0, "byteOffset": 80, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": len(buffer)}],
        "buffers": [{"byteLength": len(buffer)}],
        **changes,
    }
    if not glb:
        document["buffers"] = [
            {
                "byteLength": len(buffer),
                "uri": "data:application/octet-stream;base64," + base64.b64encode(buffer).decode(),
            }
        ]
        return json.dumps(document).encode()
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    buffer += b"\0" * (-len(buffer) % 4)
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(buffer), 0x004E4942) + buffer
    return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts


def person_obj(apart: float = 0.1, arms: float = 0.0) -> str:
    """A person 0.5 x 1.8 x 0.3 units, y up, z forward: two legs of rings with feet, a trunk on them, a head.

    The legs are `apart` from the middle, and so are the `arms`, if there are any.
    """
    lines: list[str] = []
    count = 0

    def column(x: float, levels: list[tuple[float, float]], ahead: float = 0.0) -> None:
        nonlocal count
        turn = np.arange(8) * np.pi / 4
        for height, radius in levels:
            reach = radius + (ahead if height < 0.08 else 0.0)
            lines.extend(f"v {x + radius * np.cos(t):.5f} {height} {reach * np.sin(t):.5f}" for t in turn)
        rings = len(levels)
        for ring in range(rings - 1):
            for k in range(8):
                a, b = count + 8 * ring + k + 1, count + 8 * ring + (k + 1) % 8 + 1
                lines.append(f"f {a} {a + 8} {b + 8} {b}")
        lines.append("f " + " ".join(str(count + k + 1) for k in range(8)))
        lines.append("f " + " ".join(str(count + 8 * rings - k) for k in range(8)))
        count += 8 * rings

    for x in (-apart, apart):
        heights = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0]
        column(x, [(height, 0.07) for height in heights], ahead=0.08)
    column(0.0, [(0.95, 0.2), (1.2, 0.22), (1.5, 0.25)])
    column(0.0, [(1.5, 0.1), (1.8, 0.1)])
    for x in (-arms, arms) if arms else ():
        column(x, [(height, 0.04) for height in (0.8, 0.9, 1.0, 1.1, 1.15, 1.2, 1.3, 1.4, 1.48)])
    return "\n".join(lines) + "\n"
