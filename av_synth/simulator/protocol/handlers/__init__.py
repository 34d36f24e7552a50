"""What each call does. A name without a handler, or one that is not built, answers an error that says so."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from av_synth.errors import AvSynthError
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.calls import ArgumentError, Call, CallTable, Kind, failure, merge, success, unknown
from av_synth.simulator.protocol.handlers import (
    actors,
    batch,
    drawing,
    episode,
    files,
    lights,
    maps,
    motion,
    parts,
    recorder,
    unsupported,
    vehicles,
    walkers,
)

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"-?\b(\d[\d.e+-]*|inf|nan)\b")
_MOST_TOLD = 10  # different errors of one call
_LONGEST_TOLD = 500  # characters

_THEMES: tuple[CallTable[Engine], ...] = (
    actors.TABLE,
    batch.TABLE,
    drawing.TABLE,
    episode.TABLE,
    files.TABLE,
    lights.TABLE,
    maps.TABLE,
    motion.TABLE,
    parts.TABLE,
    recorder.TABLE,
    unsupported.TABLE,
    vehicles.TABLE,
    walkers.TABLE,
)
_MOST_STRANGE = 1000  # names of calls that are remembered: clients may make up any number of them
CALLS: Mapping[str, Call[Engine]] = merge(_THEMES)
"""Every call that is answered, by name."""


def answerer(engine: Engine) -> Callable[[str, list[Any]], bytes]:
    """What the RPC server asks: name and params in, the packed `error` and `result` of the response out."""
    told: dict[str, set[str]] = {}
    unknown_told: set[str] = set()

    def tell(name: str, error: str) -> None:
        """Log an error that reaches nobody, unless one that differs in its numbers alone was logged before."""
        error = error[:_LONGEST_TOLD]
        alike = _NUMBER.sub("", error)
        before = told.setdefault(name, set())
        if alike not in before and len(before) < _MOST_TOLD:
            before.add(alike)
            log.warning("%s (the client does not tell its caller; told once)", error)

    def answer(name: str, params: list[Any]) -> bytes:
        call = CALLS.get(name)
        if call is None:
            strange = name[:80]
            if strange not in unknown_told and len(unknown_told) < _MOST_STRANGE:
                unknown_told.add(strange)
                log.warning("unknown call %s (told once a call)", strange)
            return unknown(f"{strange}: the embedded simulator knows no such call")
        try:
            result = _run(engine, call, params)
            if call.kind is Kind.BARE and _is_deaf(params):
                for error in _errors(result):
                    tell(name, f"a command of {name}: {error}")
            return success(call.kind, result)
        except AvSynthError as error:
            message = f"{name}: {error}" if isinstance(error, ArgumentError) else str(error)
            if call.kind is Kind.BARE or _is_deaf(params):  # of a bare one the client says `rpc_error` and no more
                tell(name, message)
            return failure(call.kind, message)
        except Exception as error:  # a bug in one call must not end the connection of a client
            log.exception("%s failed", name)
            return failure(call.kind, f"{name}: internal error: {type(error).__name__}: {error}")

    return answer


def _is_deaf(params: list[Any]) -> bool:
    """Whether the client throws the answer away, by the metadata of its call."""
    match params:
        case [[True, *_], *_]:
            return True
    return False


def _errors(responses: list[Any]) -> list[str]:
    """What went wrong among the responses to a batch."""
    return [value[0] for [[is_done, value]] in responses if not is_done]


def _run(engine: Engine, call: Call[Engine], params: list[Any]) -> Any:
    if not params:
        raise ArgumentError("got no metadata; want [[asynchronous], arguments...]")
    arguments = params[1:]
    call.check(arguments)
    if not call.alone:
        return call.run(engine, *arguments)
    with engine.lock:
        return call.run(engine, *arguments)
