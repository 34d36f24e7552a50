"""The carla client's RuntimeErrors, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from av_synth.errors import ConnectionLostError
from av_synth.launch import Address


@contextmanager
def client_errors(address: Address, doing: str) -> Iterator[None]:
    """Turn what the client throws while `doing` something into a ConnectionLostError that says so."""
    try:
        yield
    except RuntimeError as error:
        # The client has one exception type for everything; its message is all there is.
        cause = address.why_gone() or str(error).strip()
        raise ConnectionLostError(f"simulator at {address}, while {doing}: {cause}") from error
