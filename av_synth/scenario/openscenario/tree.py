"""XML read as plain elements that know their lines: no document types, no entities, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from av_synth.errors import DocumentError, Problem

MAX_BYTES = 20_000_000
_MAX_DEPTH = 200
MAX_ELEMENTS = 500_000


@dataclass(eq=False)
class Element:
    """An XML element.

    Attributes:
        tag: its name, without a namespace's prefix.
        where: file and line.
        given: its attributes, references to parameters filled in once `parameters.fill_in` has been there.
        inside: its child elements.
        text: what stands between its tags, without blanks around it.
    """

    tag: str
    where: str
    given: dict[str, str]
    inside: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, *path: str) -> Element | None:
        """The first element down a path of tags."""
        here: Element | None = self
        for tag in path:
            here = next((one for one in here.inside if one.tag == tag), None) if here else None
        return here

    def all(self, *path: str) -> list[Element]:
        """All elements down a path of tags."""
        here = [self]
        for tag in path:
            here = [one for parent in here for one in parent.inside if one.tag == tag]
        return here

    def walk(self) -> Iterator[Element]:
        """It and everything inside it, in the file's order."""
        yield self
        for one in self.inside:
            yield from one.walk()

    def wrong(self, message: str, attribute: str = "") -> DocumentError:
        """A mistake at this element."""
        return DocumentError([Problem(self.where, f"{self.tag}.{attribute}" if attribute else self.tag, message)])

    def need(self, *path: str) -> Element:
        """As `find`, where it must be there.

        Raises:
            DocumentError: if it is not.
        """
        found = self.find(*path)
        if found is None:
            raise self.wrong(f"has no {'/'.join(path)}; want one")
        return found

    def word(self, attribute: str, default: str | None = None) -> str:
        """An attribute as text.

        Raises:
            DocumentError: if it is missing and has no default.
        """
        found = self.given.get(attribute, default)
        if found is None:
            raise self.wrong("is missing", attribute)
        return found

    def number(self, attribute: str, default: float | None = None) -> float:
        """An attribute as a finite number.

        Raises:
            DocumentError: if it is none, or is missing and has no default.
        """
        if attribute not in self.given and default is not None:
            return default
        text = self.word(attribute)
        try:
            found = float(text)
        except ValueError:
            raise self.wrong(f"got {text!r}; want a number", attribute) from None
        if abs(found) > 1e300 or found != found:
            raise self.wrong(f"got {text!r}; want a finite number", attribute)
        return found

    def whole(self, attribute: str) -> int:
        """An attribute as a whole number of lanes and the like.

        Raises:
            DocumentError: if it is none, or is missing.
        """
        found = self.number(attribute)
        if found != round(found) or abs(found) > 1000:
            raise self.wrong(f"got {self.word(attribute)!r}; want a whole number, -1000 to 1000", attribute)
        return int(found)

    def flag(self, attribute: str, default: bool = False) -> bool:
        """An attribute as true or false."""
        text = self.given.get(attribute, "true" if default else "false").lower()
        if text not in ("true", "false", "1", "0"):
            raise self.wrong(f"got {text!r}; want true or false", attribute)
        return text in ("true", "1")


def read(path: Path) -> Element:
    """Read an XML file.

    Raises:
        DocumentError: if it cannot be read, is too large, declares a document type, or is not well-formed XML.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DocumentError([Problem(str(path), "", "is no file; want a file that ends in .xosc")])
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    return parse(raw, str(path))


def parse(raw: bytes, where: str) -> Element:
    """Read XML text; `where` names it in messages.

    Raises:
        DocumentError: see `read`.
    """
    if len(raw) > MAX_BYTES:
        raise DocumentError([Problem(where, "", f"is larger than {MAX_BYTES} bytes; want a smaller file")])
    parser = expat.ParserCreate(namespace_separator=" ")
    top = Element("", where, {})
    open_elements = [top]
    count = 0

    def place() -> str:
        return f"{where}:{parser.CurrentLineNumber}"

    def start(tag: str, given: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS:
            raise DocumentError([Problem(place(), "", f"has more than {MAX_ELEMENTS} elements; want fewer")])
        if len(open_elements) > _MAX_DEPTH:
            raise DocumentError([Problem(place(), "", f"is nested more than {_MAX_DEPTH} deep; want less")])
        element = Element(_plain(tag), place(), {_plain(name): value for name, value in given.items()})
        open_elements[-1].inside.append(element)
        open_elements.append(element)

    def end(_: str) -> None:
        element = open_elements.pop()
        element.text = element.text.strip()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def doctype(*_: object) -> None:
        # a document type can name entities, and those other files or endless text
        raise DocumentError([Problem(place(), "", "declares a document type; want none")])

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.buffer_text = True
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        words = expat.ErrorString(error.code)
        raise DocumentError([Problem(f"{where}:{error.lineno}", "", f"is not well-formed XML: {words}")]) from error
    except (ValueError, LookupError) as error:  # of several bytes a letter, or unknown
        raise DocumentError([Problem(f"{where}:1", "", f"its encoding is not read: {error}; want UTF-8")]) from error
    return top.inside[0]


def _plain(name: str) -> str:
    return name.rpartition(" ")[2]
