"""What pages are told of a camera's lens, for `lens.js`."""

from __future__ import annotations

from dataclasses import dataclass

from av_synth.geometry.lens import Lens


@dataclass(frozen=True)
class PageLens:
    """A lens that is no pinhole: `Lens.model`, `Lens.coefficients` and `Lens.reach`."""

    model: str
    coefficients: tuple[float, ...]
    reach: float

    @staticmethod
    def of(lens: Lens | None) -> PageLens | None:
        """That of a camera; None for a pinhole."""
        return None if lens is None else PageLens(lens.model, lens.coefficients, lens.reach)
