"""How much work goes into pictures: three qualities, and the one place where their numbers are.

Only colour differs. Depth, classes, instances, normals, flow and all counts of pixels are equal byte for byte at every
quality: what is drawn where does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from av_synth.errors import DocumentError, Problem


@dataclass(frozen=True)
class Quality:
    """What goes into pictures.

    Attributes:
        name: what it is asked for by.
        shadow_px: side of the fine shadow map, which covers a square around the camera, and of the coarse one.
        across: colour is drawn at so many times the image's width and height, and averaged.
        smooth_edges: stair steps are blended away afterwards.
        mirror_part: what wet roads mirror is kept at one in so many columns and rows.
    """

    name: str
    shadow_px: int
    across: int
    smooth_edges: bool
    mirror_part: int


FAST = Quality("fast", shadow_px=1024, across=1, smooth_edges=False, mirror_part=8)
DEFAULT = Quality("default", shadow_px=2560, across=1, smooth_edges=True, mirror_part=4)
HIGH = Quality("high", shadow_px=4096, across=2, smooth_edges=True, mirror_part=4)
QUALITIES = {quality.name: quality for quality in (FAST, DEFAULT, HIGH)}


def parse_quality(text: str) -> Quality:
    """The quality of a name.

    Raises:
        DocumentError: if there is none.
    """
    if text not in QUALITIES:
        raise DocumentError([Problem("", "--quality", f"got {text!r}; want {', '.join(QUALITIES)}")])
    return QUALITIES[text]
