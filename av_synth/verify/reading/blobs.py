"""Files of a dataset: in their place, of their own, images whole and not blank."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import leads_out

Grey = npt.NDArray[np.uint8]

_BLANK_LEVELS = 8  # between the 1st and 99th percentile; a night scene has a lit road, noise alone has less
_STILL_M = 0.3  # an ego that moves so far cannot see the very same bytes twice


def locate(dataset: Dataset, filename: str, where: str, findings: Findings) -> Path | None:
    """The path of a file that a table names; None, with a finding, when it is not a file inside the dataset."""
    findings.checked("files")
    if leads_out(filename):
        findings.add("files", where, f"filename = {filename!r}; want a relative path inside the dataset")
        return None
    path = dataset.root / filename
    try:
        if path.is_file() and os.access(path, os.R_OK):
            return path
        problem = "cannot be read" if path.exists() else "is missing"
    except OSError as error:  # such as a name that is too long for the file system
        problem = f"cannot be looked for: {error.strerror}"
    findings.add("files", where, f"{filename[:200]} {problem}")
    return None


def only_row(
    dataset: Dataset, scene: Scene, data: Data, table: str, check: str, findings: Findings
) -> tuple[str, Row | None]:
    """Where a table is about a sensor's data, in words, and its row; None, with a finding, without exactly one."""
    findings.checked(check)
    where = f"{table}.json sample_data_token={data.token} ({scene.sample_name(data.sample_token)})"
    rows = dataset.rows_about(table, data.token)
    if len(rows) != 1:
        findings.add(check, where, f"has {len(rows)} rows of this {data.channel} record; want exactly one")
    return where, rows[0] if len(rows) == 1 else None


class Repeats:
    """Finds data of one channel that is used twice although the ego has moved in between."""

    def __init__(self, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._seen: dict[int, Data] = {}

    def add(self, data: Data, content: bytes) -> None:
        """Look at the next file of the channel."""
        digest = zlib.crc32(content) | len(content) << 32
        other = self._seen.setdefault(digest, data)
        gap = data.ego_pose.world_from_ego[:3, 3] - other.ego_pose.world_from_ego[:3, 3]
        moved_m = float(np.linalg.norm(gap))
        if other is not data and moved_m > _STILL_M:
            message = f"has the same bytes as {other.filename}, from which the ego has moved {moved_m:.2f} m"
            self._findings.add("files", f"{data.filename} ({self._scene.name})", f"{message}; want each frame its own")


def read_image(data: Data, content: bytes, where: str, findings: Findings, *, clear: bool = True) -> Grey | None:
    """Decode a camera's JPEG to grey (H, W), checking its size, colours, end and, if it should be clear, contrast."""
    findings.checked("images")
    components = _jpeg_components(content)
    if components is None:
        findings.add("images", where, f"{len(content)} bytes are not a whole JPEG; want start, frame and end markers")
        return None
    try:
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # a header that asks for more pixels than OpenCV agrees to
        image = None
    if image is None:
        findings.add("images", where, "cannot be decoded")
        return None
    grey = np.asarray(image, dtype=np.uint8)
    if components != 3:
        findings.add("images", where, f"has {components} colour components; want 3")
    if grey.shape != (data.height, data.width):
        got = f"{grey.shape[1]} x {grey.shape[0]}"
        findings.add("images", where, f"is {got} pixels; sample_data says {data.width} x {data.height}")
        return None
    low, high = np.percentile(grey[::4, ::4], (1, 99))
    if clear and high - low < _BLANK_LEVELS:
        findings.add("images", where, f"is blank: 98 % of its pixels lie between {low:.0f} and {high:.0f} of 255")
    return grey


def _jpeg_components(content: bytes) -> int | None:
    """The number of colour components of a JPEG; None when it does not start, or does not end, as one.

    Source: ITU-T T.81 annex B: segments of 0xFF, marker, 16-bit length, up to the start of scan.
    """
    if content[:2] != b"\xff\xd8" or content.rstrip(b"\x00")[-2:] != b"\xff\xd9":
        return None
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], struct.unpack_from(">H", content, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int(content[at + 9])
        at += 2 + length
    return None


def png_layout(path: Path) -> tuple[int, int, int, int] | None:
    """Width, height, bit depth and colour type (0 grey) from a PNG's header, without decoding it; None for no PNG."""
    with path.open("rb") as file:
        head = file.read(26)
    if len(head) < 26 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        return None
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    return width, height, depth, colour
