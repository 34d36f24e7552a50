"""References in documents: `${ego_speed_kmh / 3.6 + 2}`, `${8 if pedestrian == 'child' else 12}`.

A scalar that is one reference and nothing else takes its value, whatever its type; a reference inside other text is
put in as text. Expressions are walked as a syntax tree of a few kinds of node; nothing is ever executed. Whatever is
written costs little: expressions are short, exponents small, whole numbers exact up to 2^53 and floating beyond.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from av_synth.documents import Document
from av_synth.errors import Problem
from av_synth.messages import MAX_HINTS, nearest, shown
from av_synth.plain_yaml import Key, KeyPath

Value = float | int | str | bool

_MAX_LENGTH = 200
_MAX_TEXT = 2000  # characters of a text that references were filled into
_MAX_EXPONENT = 8
_EXACT = 2**53  # whole numbers beyond are not told apart as floats, nor needed

_GRAMMAR = "want names, numbers, 'text', + - * / ** ( ), comparisons, and, or, not, if else, or functions such as min"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _clamp(value: float, low: float, high: float) -> float:
    if low > high:
        raise ExpressionError(f"clamp(..., {low:g}, {high:g}); want the lower end first")
    return min(max(value, low), high)


def _round(value: float, digits: float | None = None) -> float:
    if digits is None:
        return round(value)
    if digits not in range(10):
        raise ExpressionError(f"round(..., {digits:g}); want 0 to 9 decimals")
    return round(value, int(digits))


# the function, and the least and the greatest number of its arguments; angles are in degrees, as everywhere in YAML
_FUNCTIONS: Mapping[str, tuple[Callable[..., float], int, int]] = {
    "min": (lambda *numbers: min(numbers), 1, 50),
    "max": (lambda *numbers: max(numbers), 1, 50),
    "round": (_round, 1, 2),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "abs": (abs, 1, 1),
    "clamp": (_clamp, 3, 3),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "sin": (lambda angle: math.sin(math.radians(angle)), 1, 1),
    "cos": (lambda angle: math.cos(math.radians(angle)), 1, 1),
    "tan": (lambda angle: math.tan(math.radians(angle)), 1, 1),
}
_CONSTANTS: Mapping[str, Value] = {"pi": math.pi, "true": True, "false": False}
WORDS = frozenset([*_FUNCTIONS, *_CONSTANTS])
"""Names with a meaning of their own, which no parameter can have; Python's keywords are none either."""

_PLAIN_NODES: tuple[type[ast.AST], ...] = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Name, ast.Load),
    *(ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd),
    *_ARITHMETIC,
    *_COMPARISONS,
)


class ExpressionError(ValueError):
    """An expression that has no value; the message is what a user should read."""


class UnknownNameError(ExpressionError):
    """A name that there is none of; the hint is made only when it is read, for it costs the most."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no parameter {name!r}")
        self._name, self._known = name, known

    def __str__(self) -> str:
        return f"{self.args[0]}; {nearest(self._name, self._known)}"


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """The value of an expression such as 'ego_speed_kmh / 3.6 + 2'.

    Raises:
        ExpressionError: if it is malformed, names an unknown parameter, or has no finite value.
    """
    tree, names = _parsed(expression)
    for name in names:
        if name not in values:
            raise UnknownNameError(name, values)
    try:
        return _value(tree, values)
    except ZeroDivisionError as error:
        raise ExpressionError("divides by zero") from error
    except (OverflowError, RecursionError) as error:
        raise ExpressionError("has no finite value") from error


def names_in(expression: str) -> tuple[str, ...]:
    """The parameters that an expression uses, sorted; for one that is malformed, whatever looks like a name."""
    try:
        return _parsed(expression)[1]
    except ExpressionError:
        return tuple(sorted({*re.findall(r"[a-z_][a-z0-9_]*", expression)} - WORDS))


def names_used(text: str) -> Iterator[str]:
    """The parameters that the references in a text use."""
    for expression in _REFERENCE.findall(text):
        yield from names_in(expression)


def is_reference(text: str) -> bool:
    """Whether a text is one reference and nothing else."""
    return _REFERENCE.fullmatch(text.strip()) is not None


def substitute(
    document: Document, data: object, values: Mapping[str, Value], at: KeyPath = ()
) -> tuple[object, list[Problem]]:
    """Fill in every reference below `data`, which stands at a key path.

    Returns:
        The new data, and what went wrong, at its place in the document.
    """
    found: list[Problem] = []

    def walk(node: object, path: KeyPath) -> object:
        if isinstance(node, dict):
            return {key: walk(value, (*path, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value, (*path, index)) for index, value in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            try:
                return filled(node, values)
            except ExpressionError as error:
                why = str(error) if len(found) < MAX_HINTS else error.args[0]
                found.append(document.problem(path, f"got {shown(node)}: {why}"))
        return node

    return walk(data, at), found


def references(data: object) -> Iterator[tuple[KeyPath, str]]:
    """Every parameter name used below `data`, with the place of its use."""
    stack: list[tuple[KeyPath, object]] = [((), data)]
    while stack:
        path, node = stack.pop()
        children: list[tuple[Key, object]] = []
        if isinstance(node, dict):
            children = list(node.items())
        elif isinstance(node, list):
            children = list(enumerate(node))
        elif isinstance(node, str) and "${" in node:
            yield from ((path, name) for name in names_used(node))
        stack.extend(((*path, key), child) for key, child in children)


def filled(text: str, values: Mapping[str, Value]) -> Value:
    """A text with its references filled in; the value itself where it is one reference and nothing else.

    Raises:
        ExpressionError: if a reference has no value.
    """
    whole = _REFERENCE.fullmatch(text.strip())
    if whole:
        return evaluate(whole[1], values)
    result = _REFERENCE.sub(lambda match: str(evaluate(match[1], values)), text)
    if "${" in result:
        raise ExpressionError("has a ${ without its }")
    if len(result) > _MAX_TEXT:
        raise ExpressionError(f"becomes {len(result)} characters long; want at most {_MAX_TEXT}")
    return result


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> tuple[ast.expr, tuple[str, ...]]:
    """The syntax tree of an expression, known to have only what can be walked, and the names in it."""
    text = expression.strip()
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(f"is {len(text)} characters long; want at most {_MAX_LENGTH}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's opinion on how `1if x` is written
            tree = ast.parse(text, mode="eval").body
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"is not an expression; {_GRAMMAR}") from error
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Call):
            _check_call(node)
        elif isinstance(node, ast.Constant):
            if type(node.value) not in (int, float, str):
                raise ExpressionError(f"got {ast.unparse(node)}; {_GRAMMAR}")
        elif not isinstance(node, _PLAIN_NODES):
            raise ExpressionError(f"{_GRAMMAR}, and nothing else")
    names = {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called}
    return tree, tuple(sorted(names - _CONSTANTS.keys()))


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError(f"{_GRAMMAR}, and nothing else")
    name = node.func.id
    if name not in _FUNCTIONS:
        raise ExpressionError(f"there is no function {name!r}; {nearest(name, _FUNCTIONS)}")
    _, least, most = _FUNCTIONS[name]
    if node.keywords or not least <= len(node.args) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        raise ExpressionError(f"{name} has the wrong arguments; want {count}")


def _value(node: ast.AST, values: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant):
        return _bounded(node.value)
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id] if node.id in _CONSTANTS else values[node.id]
    if isinstance(node, ast.BinOp):
        return _calculated(node, values)
    if isinstance(node, ast.Compare):
        return _compared(node, values)
    if isinstance(node, ast.IfExp):
        return _value(node.body if _truth(node.test, values) else node.orelse, values)
    if isinstance(node, ast.BoolOp):
        truths = (_truth(operand, values) for operand in node.values)
        return all(truths) if isinstance(node.op, ast.And) else any(truths)
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return not _truth(node.operand, values)
        operand = _number(node.operand, values)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        numbers = [_number(argument, values) for argument in node.args]
        try:
            return _bounded(_FUNCTIONS[node.func.id][0](*numbers))
        except ExpressionError:
            raise
        except ValueError as error:
            raise ExpressionError(f"{node.func.id} of {numbers[0]:g} has no value") from error
    raise ExpressionError(f"{_GRAMMAR}, and nothing else")


def _calculated(node: ast.BinOp, values: Mapping[str, Value]) -> Value:
    left, right = _number(node.left, values), _number(node.right, values)
    if isinstance(node.op, ast.Pow) and abs(right) > _MAX_EXPONENT:
        raise ExpressionError(f"has the exponent {right:g}; want {-_MAX_EXPONENT} to {_MAX_EXPONENT}")
    return _bounded(_ARITHMETIC[type(node.op)](left, right))


def _compared(node: ast.Compare, values: Mapping[str, Value]) -> bool:
    left = _value(node.left, values)
    for sign, each in zip(node.ops, node.comparators, strict=True):
        right = _value(each, values)
        ordered = not isinstance(sign, ast.Eq | ast.NotEq)
        kinds = {
            "text" if isinstance(it, str) else "truth" if isinstance(it, bool) else "number" for it in (left, right)
        }
        if len(kinds) > 1 or (ordered and kinds != {"number"}):
            raise ExpressionError(
                f"compares {shown(left)} with {shown(right)}; want two numbers, or == and != of a kind"
            )
        if not _COMPARISONS[type(sign)](left, right):
            return False
        left = right
    return True


def _truth(node: ast.expr, values: Mapping[str, Value]) -> bool:
    value = _value(node, values)
    if not isinstance(value, bool):
        raise ExpressionError(f"takes {shown(value)} for true or false; want a comparison")
    return value


def _number(node: ast.expr, values: Mapping[str, Value]) -> float:
    value = _value(node, values)
    if isinstance(value, str | bool):
        raise ExpressionError(f"calculates with {shown(value)}; want a number")
    return value


def _bounded(value: object) -> Value:
    """A result that costs no more to keep than any other: no complex number, nothing infinite, no endless digits."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else float(value)
    if not isinstance(value, float) or not math.isfinite(value):
        raise ExpressionError("has no finite value" if isinstance(value, float) else "has no real value")
    return value
