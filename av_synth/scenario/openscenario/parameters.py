"""Parameters of OpenSCENARIO: `$name` and `${expression}` in attributes, declared with values and constraints."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from av_synth.messages import nearest
from av_synth.scenario.openscenario.tree import Element

_REFERENCE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_.]*)")
_EXPRESSION = re.compile(r"\$\{(.*)\}", re.DOTALL)
_NAMES = ("parameterRef", "variableRef")  # name a parameter instead of standing for its value
_MAX_EXPRESSION = 1000
_MAX_TEXT = 10_000  # with references in it or filled in: values that double each other would have no end

_TWO: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: math.fmod,
}
# ASAM OpenSCENARIO XML 1.2, section "Expressions"
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "round": lambda x: math.floor(x + 0.5),
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "pow": math.pow,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "abs": abs,
    "max": max,
    "min": min,
}
_RULES: Mapping[str, Callable[[float, float], bool]] = {
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterThan": operator.gt,
    "greaterOrEqual": operator.ge,
    "equalTo": operator.eq,
    "notEqualTo": operator.ne,
}


def fill_in(element: Element, outside: Mapping[str, str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Fill in the references in an element and everything inside, in place.

    Args:
        element: where; what it declares itself holds inside it.
        outside: values that are known around it.
        given: values that replace those which it declares.

    Returns:
        The values that hold inside the element.

    Raises:
        DocumentError: if a name is unknown, a value follows from itself or breaks its constraints.
    """
    known = {**outside, **_declared(element, outside, given or {})}
    element.given = {
        name: text if name in _NAMES else _filled(element, name, text, known) for name, text in element.given.items()
    }
    for one in element.inside:
        if one.tag != "ParameterDeclarations":
            fill_in(one, known)
    return known


def compare(rule: str, left: str, right: str) -> bool | None:
    """Whether a rule holds between two values, as numbers where both are; None if they cannot be compared."""
    if rule not in _RULES:
        return None
    try:
        return _RULES[rule](float(left), float(right))
    except ValueError:
        return {"equalTo": left == right, "notEqualTo": left != right}.get(rule)


def _declared(element: Element, outside: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    declarations = {one.word("name"): one for one in element.all("ParameterDeclarations", "ParameterDeclaration")}
    found: dict[str, str] = {}
    pending: list[str] = []

    def value(name: str) -> str:
        if name in found:
            return found[name]
        one = declarations[name]
        if name in pending:
            circle = " -> ".join([*pending[pending.index(name) :], name])
            raise one.wrong(f"follows from itself: {circle}; want no circle", "value")
        pending.append(name)
        text = given.get(name, one.word("value", ""))
        known = {**outside, **{used: value(used) for used in _REFERENCE.findall(text) if used in declarations}}
        found[name] = _filled(one, "value", text, known)
        pending.pop()
        _constrain(one, found[name])
        return found[name]

    for name in declarations:
        value(name)
    return found


def _constrain(declaration: Element, value: str) -> None:
    groups = declaration.all("ConstraintGroup")
    wanted = []
    for group in groups:
        rules = [(one.word("rule"), one.word("value")) for one in group.all("ValueConstraint")]
        if all(compare(rule, value, limit) is not False for rule, limit in rules):
            return
        wanted.append(" and ".join(f"{rule} {limit}" for rule, limit in rules))
    if groups:
        raise declaration.wrong(f"got {value!r}; want {' or '.join(wanted)}", "value")


def _filled(element: Element, attribute: str, text: str, known: Mapping[str, str]) -> str:
    if "$" not in text:
        return text
    if len(text) > _MAX_TEXT:
        raise element.wrong(f"has references and more than {_MAX_TEXT} characters; want fewer", attribute)
    expression = _EXPRESSION.fullmatch(text.strip())
    if expression is None:

        def put(match: re.Match[str]) -> str:
            # a name may be followed by a full stop that is not part of it, as in $file.xodr
            name = match[1]
            while name not in known and "." in name:
                name = name.rpartition(".")[0]
            if name not in known:
                raise element.wrong(f"there is no parameter {match[1]!r}; {nearest(match[1], known)}", attribute)
            return known[name] + match[1][len(name) :]

        filled = _REFERENCE.sub(put, text)
        if len(filled) > _MAX_TEXT:
            raise element.wrong(f"comes to more than {_MAX_TEXT} characters; want fewer", attribute)
        return filled
    words = expression[1]
    for name in _REFERENCE.findall(words):
        if name not in known:
            raise element.wrong(f"there is no parameter {name!r}; {nearest(name, known)}", attribute)
    try:
        return _written(_worked_out(_REFERENCE.sub(lambda match: f"({known[match[1]]})", words)))
    except (ArithmeticError, ValueError, SyntaxError, TypeError, RecursionError) as error:
        if attribute in ("name", "storyboardElementRef"):  # text is joined in names by some
            return _REFERENCE.sub(lambda match: known[match[1]], words)
        raise element.wrong(f"{text!r} has no value: {error}", attribute) from error


def _worked_out(words: str) -> float:
    if len(words) > _MAX_EXPRESSION:
        raise ValueError(f"is longer than {_MAX_EXPRESSION} characters")
    words = re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", words))
    return _value(ast.parse(words.strip(), mode="eval").body)


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id == "pi":
        return math.pi
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        return _TWO[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _value(node.operand)
    if isinstance(node, ast.BoolOp):
        values = [bool(_value(one)) for one in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        return _FUNCTIONS[node.func.id](*(_value(one) for one in node.args))
    raise ValueError("want numbers, + - * / %, and, or, not and the functions of the standard")


def _written(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
