"""References in documents: `${ego_speed_kmh / 3.6 + 2}` with parameters, numbers, + - * /, min, max and round.

A scalar that is one reference and nothing else takes its value, whatever its type; a reference inside other text is
put in as text. Expressions are walked as a syntax tree with those few kinds of node; nothing is ever executed.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping

from av_synth.documents import Document, nearest
from av_synth.errors import Problem
from av_synth.plain_yaml import Key, KeyPath

Value = float | int | str | bool

MAX_LENGTH = 200

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_OPERATORS: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {"min": min, "max": max, "round": round}


class ExpressionError(ValueError):
    """An expression that has no value; the message is what a user should read."""


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """The value of an expression such as 'ego_speed_kmh / 3.6 + 2'.

    Raises:
        ExpressionError: if it is malformed, names an unknown parameter, or has no finite value.
    """
    text = expression.strip()
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is {len(text)} characters long; want at most {MAX_LENGTH}")
    try:
        tree = ast.parse(text, mode="eval").body
        result = _value(tree, values)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ExpressionError("is not an expression; want names, numbers, + - * / ( ) min max round") from error
    except ZeroDivisionError as error:
        raise ExpressionError("divides by zero") from error
    except OverflowError as error:
        raise ExpressionError("has no finite value") from error
    if isinstance(result, float) and not math.isfinite(result):
        raise ExpressionError("has no finite value")
    return result


def substitute(document: Document, data: object, values: Mapping[str, Value]) -> tuple[object, list[Problem]]:
    """Fill in every reference below `data`; return the new data and what went wrong, at its place in the document."""
    found: list[Problem] = []

    def walk(node: object, path: KeyPath) -> object:
        if isinstance(node, dict):
            return {key: walk(value, (*path, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value, (*path, index)) for index, value in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            try:
                return _filled(node, values)
            except ExpressionError as error:
                found.append(document.problem(path, f"got {node!r}: {error}"))
        return node

    return walk(data, ()), found


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
        elif isinstance(node, str):
            for expression in _REFERENCE.findall(node):
                yield from ((path, name) for name in re.findall(r"[a-z_][a-z0-9_]*", expression))
        stack.extend(((*path, key), child) for key, child in children)


def _filled(text: str, values: Mapping[str, Value]) -> Value:
    whole = _REFERENCE.fullmatch(text.strip())
    if whole:
        return evaluate(whole[1], values)
    filled = _REFERENCE.sub(lambda match: str(evaluate(match[1], values)), text)
    if "${" in filled:
        raise ExpressionError("has a ${ without its }")
    return filled


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise ExpressionError(f"there is no parameter {node.id!r}; {nearest(node.id, values)}")
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _number(node.operand, values)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_number(node.left, values), _number(node.right, values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if not node.args or node.keywords or (node.func.id == "round" and len(node.args) != 1):
            raise ExpressionError(f"{node.func.id} has the wrong arguments")
        numbers = [_number(argument, values) for argument in node.args]
        return numbers[0] if len(numbers) == 1 and node.func.id != "round" else _FUNCTIONS[node.func.id](*numbers)
    raise ExpressionError("want names, numbers, + - * / ( ) min max round, and nothing else")


def _number(node: ast.expr, values: Mapping[str, Value]) -> float:
    value = _value(node, values)
    if isinstance(value, str | bool):
        raise ExpressionError(f"calculates with {value!r}; want a number")
    return value
