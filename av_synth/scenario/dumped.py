"""Reading back what `model_dump` gave: some models refuse keys that go with others, even at their default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel


def as_given(kind: Any, dumped: Any) -> Any:
    """A dump, as plain values, without the keys of models that have their default.

    Args:
        kind: the type that was dumped: a model, or anything that models are in.
        dumped: plain JSON values.
    """
    if isinstance(dumped, list):
        return [as_given(kind, each) for each in dumped]
    if not isinstance(dumped, dict):
        return dumped
    fitting = (model for model in _models(kind) if dumped.keys() <= model.model_fields.keys())
    model = next(fitting, None)
    if model is None:  # a mapping of them
        return {key: as_given(kind, value) for key, value in dumped.items()}
    fields = model.model_fields
    return {
        key: as_given(fields[key].annotation, value) for key, value in dumped.items() if value != fields[key].default
    }


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
