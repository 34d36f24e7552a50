"""What only the user can say of a dataset, and what it took to make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from av_synth.card.facts import Facts


@dataclass(frozen=True)
class About:
    """What a publisher says; '' for what is not said.

    Attributes:
        name: of the dataset.
        licence: what the data may be used for, a URL or in words.
        creator: who publishes it.
        url: where it can be had.
        date: of its publication, YYYY-MM-DD.
    """

    name: str
    licence: str = ""
    creator: str = ""
    url: str = ""
    date: str = ""


@dataclass(frozen=True)
class Cost:
    """What runs took.

    Attributes:
        runs: how many runs somebody kept account of.
        samples: how many samples these have.
        core_s: seconds of one core that they took, all processes together.
        price: of an hour of one core; None if nobody says.
    """

    runs: int = 0
    samples: int = 0
    core_s: float = 0.0
    price: float | None = None

    @property
    def core_s_per_sample(self) -> float:
        """Seconds of one core for a sample, with all of its images, points and labels."""
        return self.core_s / self.samples

    @property
    def money(self) -> float | None:
        """What all of these runs cost, in the currency of the price."""
        return None if self.price is None else self.core_s / 3600.0 * self.price


def cost_of(facts: Facts, core_s: Mapping[str, float], samples: Mapping[str, int], price: float | None) -> Cost:
    """What the runs of a dataset took.

    Args:
        facts: the dataset.
        core_s: seconds of one core by run id, of runs that somebody kept account of.
        samples: how many samples each scene has, by its token.
        price: of an hour of one core.
    """
    known = [run for run in facts.runs if run["run_id"] in core_s]
    count = sum(samples.get(run["scene_token"], 0) for run in known)
    return Cost(len(known), count, sum(core_s[run["run_id"]] for run in known), price)
