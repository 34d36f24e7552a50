"""Dataset cards: what a dataset is, how it came about, how good it is and what it cost, for people and machines."""

from av_synth.card.about import About, Cost
from av_synth.card.cards import Card, write_card

__all__ = ["About", "Card", "Cost", "write_card"]
