"""What Croissant 1.1 asks of a document, as far as it can be said without a reader of JSON-LD (`make croissant`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# of the format's specification: what each kind of thing must have
_MUST = {
    "sc:Dataset": ("@context", "conformsTo", "name", "description", "distribution", "recordSet"),
    "cr:FileObject": ("@id", "name", "contentUrl", "encodingFormat", "sha256"),
    "cr:FileSet": ("@id", "name", "encodingFormat", "includes"),
    "cr:RecordSet": ("@id", "name", "key", "field"),
    "cr:Field": ("@id", "name", "dataType", "source"),
}
_TYPES = {"sc:Text", "sc:Integer", "sc:Float", "sc:Boolean"}
_CONFORMS = "http://mlcommons.org/croissant/1.1"
_TERMS = {"cr": "http://mlcommons.org/croissant/", "sc": "https://schema.org/", "dct": "http://purl.org/dc/terms/"}


def broken(document: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with a document that is in a folder."""
    return [*_things(document), *_context(document), *_files(document, folder), *_records(document)]


def _of(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {node.get("@id", "the document"): node for node in _nodes(document) if node["@type"] == kind}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "@type" in value:
            yield value
        for key, inner in value.items():
            if key != "@context":
                yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _things(document: dict[str, Any]) -> Iterator[str]:
    nodes = list(_nodes(document))
    for node in nodes:
        told = node.get("@id", "the document")
        yield from (f"{told}: has no {name}" for name in _MUST.get(node["@type"], ()) if not node.get(name))
    ids = Counter(node["@id"] for node in nodes if "@id" in node)
    yield from (f"{name}: is {count} things" for name, count in ids.items() if count > 1)


def _context(document: dict[str, Any]) -> Iterator[str]:
    if _CONFORMS not in document.get("conformsTo", ()):
        yield f"conformsTo: want {_CONFORMS}"
    context = document.get("@context", {})
    yield from (f"@context: {name} is {context.get(name)}" for name, url in _TERMS.items() if context.get(name) != url)
    known = {key for key in context if not key.startswith("@")}
    ours = {key.partition(":")[0] for node in _nodes(document) for key in node if key.partition(":")[1]}
    yield from (f"@context: {prefix} is a prefix that it does not have" for prefix in sorted(ours - known))


def _files(document: dict[str, Any], folder: Path) -> Iterator[str]:
    for name, node in _of(document, "cr:FileObject").items():
        if not (folder / node["contentUrl"]).is_file():
            yield f"{name}: there is no file {node['contentUrl']}"
        if not re.fullmatch("[0-9a-f]{64}", node["sha256"]):
            yield f"{name}: {node['sha256']} is no SHA-256"


def _records(document: dict[str, Any]) -> Iterator[str]:
    files, fields = _of(document, "cr:FileObject"), _of(document, "cr:Field")
    for name, node in _of(document, "cr:RecordSet").items():
        if node["key"]["@id"] not in {field["@id"] for field in node["field"]}:
            yield f"{name}: its key is none of its fields"
    for name, node in fields.items():
        if node["dataType"] not in _TYPES:
            yield f"{name}: {node['dataType']} is no type of data"
        if node["source"]["fileObject"]["@id"] not in files:
            yield f"{name}: its source is no file"
        if not re.fullmatch(r"\$\[\*\]\.\w+", node["source"]["extract"]["jsonPath"]):
            yield f"{name}: {node['source']['extract']['jsonPath']} is no path in a table"
        if "references" in node and node["references"]["field"]["@id"] not in fields:
            yield f"{name}: refers to what is no field"
        if ("arrayShape" in node) != bool(node.get("isArray")):
            yield f"{name}: is an array and has no shape, or has one and is none"
