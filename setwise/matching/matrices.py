r"""Matrices: `\begin{pmatrix} … \end{pmatrix}` and its like → rows of entries; a determinant → the number it is."""

from __future__ import annotations

import re
from collections.abc import Callable

from setwise.matching.formula import read_formula
from setwise.matching.notation import split_top
from setwise.matching.trees import ForeignError, Tree, UnreadableError, add, multiply, negate
from setwise.matching.values import Matrix, Number, Value

MAX_DETERMINANT = 4

_WHOLE = re.compile(
    r"(?P<factor>.*?)(?P<open>[(\[|]?)\s*\\begin\{(?P<kind>[pbBvV]?matrix|smallmatrix|array)(?P<star>\*?)\}(?P<body>.*)"
    r"\\end\{(?P=kind)\*?\}\s*(?P<close>[)\]|]?)(?P<behind>.*)",
    re.DOTALL,
)
_COLUMNS = re.compile(r"\s*\{[lcr|\s]*\}|\s*\[[lcr|]*\]")
_ROW = re.compile(r"\\\\|\\cr(?![a-zA-Z])|\\tabularnewline")
_CELL = re.compile(r"&")
_TRANSPOSED = re.compile(r"\s*\^\s*(?:\{\s*)?\\?(?:T|top|intercal|mathsf\{T\}|mathrm\{T\})(?:\s*\})?\s*")


def read_matrix(text: str, read_entry: Callable[[str], Value]) -> Value | None:
    """The matrix, or the number that a determinant is; None if the text is something else."""
    if r"\begin{" not in text or (found := _WHOLE.fullmatch(text)) is None:
        return None
    body = _COLUMNS.sub("", found["body"], count=1) if found["kind"] == "array" or found["star"] else found["body"]
    body = body.replace(r"\hline", "")
    rows = [[cell for cell, _ in split_top(row, _CELL)] for row, _ in split_top(body, _ROW) if row]
    if not rows or len({len(row) for row in rows}) > 1 or not all(all(row) for row in rows):
        raise UnreadableError("a matrix with rows of several lengths")
    matrix = Matrix(tuple([tuple([read_entry(cell) for cell in row]) for row in rows]))
    behind = found["behind"]
    if behind and _TRANSPOSED.fullmatch(behind):
        matrix, behind = Matrix(tuple(zip(*matrix.rows, strict=True))), ""
    if behind.strip() or found["kind"] == "Vmatrix":
        raise ForeignError("a matrix inside a formula")
    factor = found["factor"].strip().removesuffix(r"\cdot").removesuffix(r"\times").removesuffix("*").strip()
    times: Tree | None = None
    if factor:
        times = negate(read_formula("1")) if factor == "-" else read_formula(factor)
    if found["kind"] == "vmatrix" or (found["open"] == found["close"] == "|"):
        value = _determinant([[_tree(entry) for entry in row] for row in matrix.rows])
        return Number(value if times is None else multiply(times, value), text)
    if times is None:
        return matrix
    return Matrix(tuple([tuple([Number(multiply(times, _tree(e)), text) for e in row]) for row in matrix.rows]))


def _tree(entry: Value) -> Tree:
    if not isinstance(entry, Number) or entry.tree is None:
        raise ForeignError("an entry that is no plain number")
    return entry.tree


def _determinant(rows: list[list[Tree]]) -> Tree:
    if len(rows) != len(rows[0]) or len(rows) > MAX_DETERMINANT:
        raise ForeignError("a determinant that is not worked out here")
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for column, entry in enumerate(rows[0]):
        minor = _determinant([[*row[:column], *row[column + 1 :]] for row in rows[1:]])
        term = multiply(entry, minor)
        terms.append(negate(term) if column % 2 else term)
    return add(*terms)
