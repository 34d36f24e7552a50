"""OpenSCENARIO's catalogs: named vehicles, people, things, controllers, environments, manoeuvres, routes, lines."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from av_synth.messages import nearest
from av_synth.scenario.openscenario.parameters import fill_in
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.tree import Element, read


class Catalogs:
    """The catalogs that a scenario file names.

    Args:
        root: its root element, references filled in.
        folder: where it lies; the folders of catalogs are told from there.
        values: the values of the file's own parameters.
    """

    def __init__(self, root: Element, folder: Path, values: Mapping[str, str]) -> None:
        self._folders = [folder / one.word("path").replace("\\", "/") for one in root.walk() if one.tag == "Directory"]
        self._values = values
        self._catalogs: dict[str, Element] | None = None

    def entry(self, reference: Element) -> Element:
        """What a CatalogReference stands for, a copy with the parameters that it assigns.

        Raises:
            UnsaidError: if there is no such catalog here.
            DocumentError: if it has no such entry, or a catalog file cannot be read.
        """
        catalogs = self._all()
        name, entry = reference.word("catalogName"), reference.word("entryName")
        if name not in catalogs:
            searched = ", ".join(str(folder) for folder in self._folders) or "no CatalogLocations"
            hint = nearest(name, catalogs) if catalogs else "there is none"
            raise UnsaidError(f"there is no catalog {name!r} in {searched}; {hint}")
        entries = {one.word("name", ""): one for one in catalogs[name].inside}
        if entry not in entries:
            raise reference.wrong(f"{name} has no entry {entry!r}; {nearest(entry, entries)}", "entryName")
        found = copy.deepcopy(entries[entry])
        given = {
            one.word("parameterRef").lstrip("$"): one.word("value")
            for one in reference.all("ParameterAssignments", "ParameterAssignment")
        }
        fill_in(found, self._values, given)
        return found

    def _all(self) -> dict[str, Element]:
        if self._catalogs is None:
            self._catalogs = {}
            by_file: dict[str, Element] = {}
            files = [
                file
                for folder in self._folders
                for file in ([folder] if folder.is_file() else sorted(folder.glob("*.xosc")))
            ]
            for file in files:
                catalog = read(file).find("Catalog")
                if catalog is not None:
                    self._catalogs.setdefault(catalog.word("name"), catalog)
                    by_file.setdefault(file.stem, catalog)
            # some are referred to by what their file is called
            self._catalogs = {**by_file, **self._catalogs}
        return self._catalogs


def resolved(holder: Element, catalogs: Catalogs) -> Element:
    """The first child of an element that is no ParameterDeclarations, a reference to a catalog followed.

    Raises:
        DocumentError: if there is none, or the catalog has it not.
    """
    reference = holder.find("CatalogReference")
    if reference is not None:
        return catalogs.entry(reference)
    if not holder.inside:
        raise holder.wrong("is empty")
    return holder.inside[0]
