"""JSON and Python literals in texts, read strictly: what has two readings, or lost something, is refused, not guessed.

Both readers raise `ValueError` with a few words that say why, to follow the name of the place.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

_LONGEST_INTEGER = 4300
"""Digits; Python itself turns no longer text into an integer, and none back."""
_MAY_BE_JOINED = re.compile(r"""['"](?:[\s\\]|#[^\n]*\n)*[a-zA-Z]{0,2}['"]""")
"""Stands wherever two literals stand side by side, and in few other texts; the tokens, which take time, decide."""
_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: the text is no JSON, an object in it has a key twice, or it is nested too deep.
    """
    try:
        return _load(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error


def parse_nested(text: str) -> Any:
    """The value that a cell holds as JSON, however often encoded, or as a Python literal; tuples become lists.

    Raises:
        ValueError: it is neither; has a key twice, texts without a comma between them (which Python would join), a
            set (which has no order), or `...` (where something was left out).
    """
    if not text.strip():
        raise ValueError("is empty")
    try:
        value = _load(text)
    except json.JSONDecodeError:
        value = _parse_python(text)
    return parse_nested(value) if isinstance(value, str) else value


def _load(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_read_object)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    except ValueError as error:
        if str(error).startswith("Exceeds"):  # what Python says next is how to set its limit
            raise ValueError(f"holds an integer of over {_LONGEST_INTEGER} digits") from error
        raise


def _read_object(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError(f"has the key {repeated([key for key, _ in pairs])!r} twice")
    return made


def repeated(names: Sequence[Any]) -> Any:
    """The first name that stands a second time; None where there is none."""
    seen = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _parse_python(text: str) -> Any:
    text = text.strip()
    try:
        tree = ast.parse(text, mode="eval")
        if _MAY_BE_JOINED.search(text) and _is_joined(text):
            raise ValueError("texts stand side by side without a comma, as numpy prints them")
        return _evaluate(tree.body)
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError) as error:
        why = (error.msg if isinstance(error, SyntaxError) else str(error)) or "nested too deep"
        raise ValueError(f"is neither JSON nor a Python literal ({why.splitlines()[0]})") from error


def _is_joined(text: str) -> bool:
    """Whether two literals stand side by side, on one line or on two: Python reads `'a' 'b'` as `'ab'`."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    kinds = [token.type for token in tokens if token.type not in _LAYOUT]
    return (tokenize.STRING, tokenize.STRING) in pairwise(kinds)


def _evaluate(node: ast.expr) -> Any:
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_evaluate(part) for part in parts]
        case ast.Dict(keys=keys, values=values) if all(_is_text(key) for key in keys):
            return _read_object([(_evaluate(k), _evaluate(v)) for k, v in zip(keys, values, strict=True) if k])
        case ast.Constant(value=str() | bool() | None | float()):
            return node.value
        case ast.Constant(value=int(number)) if number.bit_length() < 3 * _LONGEST_INTEGER:
            return number
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
            number = _evaluate(node.operand)
            return -number if isinstance(node.op, ast.USub) else number
        case ast.Constant(value=value) if value is ...:
            raise ValueError("... stands where values were left out")
        case ast.Set():
            raise ValueError("a set has no order")
    raise ValueError(f"{ast.unparse(node):.40} is no value")


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
