"""What a call is: its name, how its result is wrapped, and the errors it may answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgpack

from av_synth.errors import SimulatorError

_MAX_MESSAGE = 2000  # characters
_NO_RESULT = b"\xc0\x91\x91\xc2"  # no error; and in the envelope no error either
_REFUSED = b"\xc0\x91\x92\xc3"  # no error; and in the envelope one, which follows
Context = TypeVar("Context")
Handler = TypeVar("Handler", bound=Callable[..., Any])


class CallError(SimulatorError):
    """A call cannot be done; the text travels to the client as it is."""


class ArgumentError(CallError):
    """An argument is not what the call takes; the client is told the call's name as well."""


class Kind(Enum):
    """How CARLA wraps the result of a call, and so its errors: a value, nothing, or (apply_batch) bare."""

    VALUE = "value"
    VOID = "void"
    BARE = "bare"


@dataclass(frozen=True)
class Call(Generic[Context]):
    """A handler: takes the engine and the arguments after the metadata, returns wire values.

    Attributes:
        alone: it runs under the engine's lock; False for calls that only read what does not change under them.
    """

    name: str
    run: Callable[..., Any]
    kind: Kind
    alone: bool

    def check(self, arguments: Sequence[Any]) -> None:
        """Refuse arguments that are too many or too few; raises ArgumentError."""
        least, most = self._takes
        if not least <= len(arguments) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ArgumentError(f"arguments do not fit: got {len(arguments)} after the metadata; want {wanted}")

    @cached_property
    def _takes(self) -> tuple[int, float]:
        parameters = list(inspect.signature(self.run).parameters.values())[1:]
        named = [each for each in parameters if each.kind is not each.VAR_POSITIONAL]
        least = sum(each.default is each.empty for each in named)
        return least, len(named) if len(named) == len(parameters) else float("inf")


class CallTable(Generic[Context]):
    """Handlers of one theme, collected by decorators; `Context` is what each gets as its first argument."""

    def __init__(self) -> None:
        self.calls: dict[str, Call[Context]] = {}

    def value(self, run: Handler) -> Handler:
        """Register a function, under its own name, whose result is a value."""
        return self._add(Kind.VALUE, True, run)

    def void(self, run: Handler) -> Handler:
        """Register a function, under its own name, that has no result."""
        return self._add(Kind.VOID, True, run)

    def unlocked(self, kind: Kind) -> Callable[[Handler], Handler]:
        """Register a function that runs without the engine's lock: it reads one field, or locks for itself."""
        return lambda run: self._add(kind, False, run)

    def _add(self, kind: Kind, alone: bool, run: Handler) -> Handler:
        self.calls[run.__name__] = Call(run.__name__, run, kind, alone)
        return run


def merge(tables: Sequence[CallTable[Context]]) -> Mapping[str, Call[Context]]:
    """Join tables.

    Raises:
        ValueError: if two of them have a call of the same name.
    """
    calls: dict[str, Call[Context]] = {}
    for table in tables:
        twice = calls.keys() & table.calls.keys()
        if twice:
            raise ValueError(f"calls with two handlers: {sorted(twice)}; want one each")
        calls.update(table.calls)
    return calls


def pack(value: Any) -> bytes:
    """Pack a wire value."""
    packed: bytes = msgpack.packb(value)
    return packed


class Packed(bytes):
    """A result that is msgpack already."""


def success(kind: Kind, result: Any) -> bytes:
    """Pack the `error` and `result` fields of a response: no error, and the result in its envelope."""
    if kind is Kind.VOID:
        return _NO_RESULT
    body = result if isinstance(result, Packed) else pack(result)
    return b"\xc0" + body if kind is Kind.BARE else b"\xc0\x91\x92\x01" + body


def failure(kind: Kind, message: str) -> bytes:
    """Pack the `error` and `result` fields of a response that carries an error in its envelope.

    A message may quote what was sent, whatever its length: only its beginning travels back. What is no text in it, as
    in the name of a folder of ours, travels as question marks.
    """
    message = message.encode(errors="replace").decode()
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]}..."
    if kind is Kind.BARE:  # has no place for an error: the client raises on a set error field
        return unknown(message)
    if kind is Kind.VOID:
        return _REFUSED + pack([message])
    return b"\xc0" + pack([[0, [message]]])  # the first of a variant, whose second is the value


def is_refused(answer: bytes) -> bool:
    """Whether the answer to a call without a result is a failure."""
    return answer.startswith(_REFUSED)


def unknown(message: str) -> bytes:
    """Pack the `error` and `result` fields of a response to a call of which not even the envelope is known."""
    return pack(message) + b"\xc0"
