"""What became of each part of an OpenSCENARIO file: kept, kept nearly, or lost, and what that changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from av_synth.scenario.openscenario.tree import Element

Fate = Literal["kept", "nearly", "lost"]
_LABELS = ("name", "entityRef", "entryName", "storyboardElementRef", "parameterRef", "masterEntityRef")


class UnsaidError(ValueError):
    """Something that our language has no words for; says why, and whether that changes who does what."""

    def __init__(self, why: str, *, changes: bool = True) -> None:
        super().__init__(why)
        self.changes = changes


@dataclass(frozen=True)
class Entry:
    """One part of the file and what became of it.

    Attributes:
        where: file and line.
        what: the element, with its name if it has one.
        fate: kept as it is, kept nearly, or lost.
        why: how it was kept nearly, or why it is lost; empty if it was kept.
        changes: whether the loss changes who does what, so that the story is another one.
    """

    where: str
    what: str
    fate: Fate
    why: str = ""
    changes: bool = False

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"where": self.where, "what": self.what, "fate": self.fate, "why": self.why, "changes": self.changes}


@dataclass
class Report:
    """What became of the parts of one file; every element has a fate, by itself or by one around it."""

    version: str
    needs: str = ""
    entries: list[Entry] = field(default_factory=list)
    _told: set[int] = field(default_factory=set)

    def kept(self, element: Element) -> None:
        """It is in the scenario as it stands in the file."""
        self._tell(element, "kept", "", changes=False)

    def nearly(self, element: Element, how: str) -> None:
        """It is in the scenario, a little different."""
        self._tell(element, "nearly", how, changes=False)

    def lost(self, element: Element, why: str, *, changes: bool) -> None:
        """It is not in the scenario."""
        self._tell(element, "lost", why, changes=changes)

    def knows(self, element: Element) -> bool:
        """Whether anything was told of an element or of something inside it."""
        return any(id(one) in self._told for one in element.walk())

    def rest(self, element: Element) -> None:
        """Everything inside an element that nobody has told of, nor of anything around it, is lost."""
        if id(element) in self._told or element.tag == "ParameterDeclarations":
            return
        if not self.knows(element):
            self.lost(element, "av_synth does not know it", changes=True)
            return
        for one in element.inside:
            self.rest(one)

    def of(self, fate: Fate) -> list[Entry]:
        """The parts with this fate, in the file's order."""
        return [entry for entry in self.entries if entry.fate == fate]

    @property
    def same_story(self) -> bool:
        """Whether nothing was lost that changes who does what."""
        return not any(entry.changes for entry in self.entries)

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "version": self.version,
            "needs": self.needs,
            "same_story": self.same_story,
            **{fate: len(self.of(fate)) for fate in ("kept", "nearly", "lost")},
            "parts": [entry.to_json() for entry in self.entries],
        }

    def in_words(self) -> Iterable[str]:
        """Lines for a person: the counts, then everything that is not as it was."""
        counts = f"{len(self.of('kept'))} parts kept, {len(self.of('nearly'))} nearly, {len(self.of('lost'))} lost"
        yield f"{counts}; {'nothing' if self.same_story else 'something'} lost that changes who does what"
        if self.needs:
            yield self.needs
        for entry in sorted((one for one in self.entries if one.fate != "kept"), key=lambda one: not one.changes):
            fate = "LOST, changes who does what" if entry.changes else entry.fate
            yield f"  {entry.where}: {entry.what}: {fate}: {entry.why}"

    def _tell(self, element: Element, fate: Fate, why: str, *, changes: bool) -> None:
        entry = Entry(element.where, _called(element), fate, why, changes)
        self._told.add(id(element))
        if entry not in self.entries:
            self.entries.append(entry)


def _called(element: Element) -> str:
    label = next((element.given[name] for name in _LABELS if element.given.get(name)), "")
    return f"{element.tag} {label!r}" if label else element.tag
