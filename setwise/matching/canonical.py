"""The canonical syntax tree of a program: what is left when names, comments, layout and docstrings do not count.

Annotations, docstrings and other statements that are a lone constant, and `pass` beside others are dropped. Then every
name that the program binds (variables, parameters, functions, classes, imports) becomes a number by the order in which
it is met, scope by scope as Python resolves it. Names it does not bind (built-ins), attributes and class members keep
theirs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import count

MAX_CHARACTERS = 100_000

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def canonical_program(source: str) -> str | None:
    """The canonical syntax tree of Python source as text; None if it is no program (or longer than 100,000 characters).

    Equal for two programs that differ by renamed variables, comments, blank lines, docstrings, annotations or quotes.
    """
    if len(source) > MAX_CHARACTERS:
        return None
    try:
        tree = ast.parse(source)
        _drop_insignificant(tree)
        _Renamer().rename_all(tree.body, _Scope(None, tree.body))
        return ast.dump(tree, annotate_fields=False)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Symbol:
    """One name of one scope. `parameters` are those of the functions it names."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.parameters: list[str] = []


class _Scope:
    """The names that a module, function, class or comprehension binds."""

    def __init__(self, parent: _Scope | None, body: Iterable[ast.AST], names: Iterable[str] = ()) -> None:
        self.parent = parent
        self.is_class = False
        self.symbols = {name: _Symbol() for name in names}
        self._outer: set[str] = set()
        self._global: set[str] = set()
        for node in _own_nodes(body):
            if isinstance(node, ast.Global):
                self._global.update(node.names)
            elif isinstance(node, ast.Nonlocal):
                self._outer.update(node.names)
            for name in _bound_names(node):
                symbol = self.symbols.setdefault(name, _Symbol())
                if isinstance(node, _FUNCTIONS):
                    symbol.parameters += [arg.arg for arg in _arguments(node.args)]

    def resolve(self, name: str) -> _Symbol | None:
        """The symbol that `name` means here; None for a built-in, a class member or an unknown name."""
        if name in self._global:
            return self._module().symbols.setdefault(name, _Symbol())
        if name in self.symbols and name not in self._outer:
            return None if self.is_class else self.symbols[name]
        scope = self.parent
        while scope is not None and (scope.is_class or name not in scope.symbols or name in scope._outer):
            scope = scope.parent
        return scope.symbols[name] if scope is not None else None

    def _module(self) -> _Scope:
        return self if self.parent is None else self.parent._module()


class _Renamer:
    """Renames in place, numbering symbols in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def rename_all(self, nodes: Iterable[ast.AST | None], scope: _Scope) -> None:
        for node in nodes:
            if node is not None:
                self._rename(node, scope)

    def _label(self, name: str, scope: _Scope) -> str:
        symbol = scope.resolve(name)
        if symbol is None:
            return name
        if symbol.number is None:
            symbol.number = next(self._numbers)
        return f"§{symbol.number}"

    def _rename(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, _FUNCTIONS):
            self._rename_function(node, scope)
        elif isinstance(node, ast.Lambda):
            self.rename_all([*node.args.defaults, *node.args.kw_defaults], scope)
            inner = _Scope(scope, [node.body], [arg.arg for arg in _arguments(node.args)])
            self._rename_arguments(node.args, inner)
            self._rename(node.body, inner)
        elif isinstance(node, ast.ClassDef):
            self._rename_class(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._rename_comprehension(node, scope)
        elif isinstance(node, ast.Call):
            self._rename_call(node, scope)
        else:
            self._rename_names(node, scope)
            self.rename_all(ast.iter_child_nodes(node), scope)

    def _rename_names(self, node: ast.AST, scope: _Scope) -> None:
        """The names that a node holds itself."""
        if isinstance(node, ast.Name):
            node.id = self._label(node.id, scope)
        elif isinstance(node, ast.alias):
            if node.name != "*" and (node.asname or "." not in node.name):
                node.asname = self._label(node.asname or node.name, scope)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            node.name = self._label(node.name, scope) if node.name else None
        elif isinstance(node, ast.MatchMapping):
            node.rest = self._label(node.rest, scope) if node.rest else None
        elif isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self._label(name, scope) for name in node.names]
        elif isinstance(node, ast.Constant):
            node.kind = None

    def _rename_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        node.name = self._label(node.name, scope)
        node.returns = node.type_comment = None
        self.rename_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults], scope)
        inner = _Scope(scope, node.body, [arg.arg for arg in _arguments(node.args)])
        self._rename_arguments(node.args, inner)
        self.rename_all(node.body, inner)

    def _rename_arguments(self, arguments: ast.arguments, inner: _Scope) -> None:
        for arg in _arguments(arguments):
            arg.arg = self._label(arg.arg, inner)
            arg.annotation = arg.type_comment = None

    def _rename_class(self, node: ast.ClassDef, scope: _Scope) -> None:
        node.name = self._label(node.name, scope)
        self.rename_all([*node.decorator_list, *node.bases, *node.keywords], scope)
        inner = _Scope(scope, node.body)
        inner.is_class = True
        self.rename_all(node.body, inner)

    def _rename_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: _Scope
    ) -> None:
        names = [name for part in node.generators for found in ast.walk(part.target) for name in _bound_names(found)]
        inner = _Scope(scope, [], names)
        for index, part in enumerate(node.generators):
            self._rename(part.iter, scope if index == 0 else inner)
            self.rename_all([part.target, *part.ifs], inner)
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.rename_all(values, inner)

    def _rename_call(self, node: ast.Call, scope: _Scope) -> None:
        """A keyword of a call of one of the program's functions names a parameter, which is renamed too."""
        symbol = scope.resolve(node.func.id) if isinstance(node.func, ast.Name) else None
        for keyword in node.keywords:
            if symbol is not None and keyword.arg in symbol.parameters:
                keyword.arg = f"§parameter {symbol.parameters.index(keyword.arg)}"
        self.rename_all([node.func, *node.args, *[keyword.value for keyword in node.keywords]], scope)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return named + [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a scope; of the scopes inside it, only what binds or is evaluated out here."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting += node.decorator_list
        elif isinstance(node, _COMPREHENSIONS):
            waiting += [found for found in ast.walk(node) if isinstance(found, ast.NamedExpr)]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _bound_names(node: ast.AST) -> list[str]:
    """The names that a node binds."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.alias):
        return [] if node.name == "*" or (not node.asname and "." in node.name) else [node.asname or node.name]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def _drop_insignificant(tree: ast.Module) -> None:
    """Drop from every block what does not count; the annotated names of a class do (they make a dataclass)."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                setattr(node, field, _significant(block, isinstance(node, ast.ClassDef)))


def _significant(block: list[ast.stmt], keep_annotations: bool) -> list[ast.stmt]:
    """The statements that count; `pass` where none does."""
    kept: list[ast.stmt] = []
    for statement in block:
        if isinstance(statement, ast.AnnAssign) and not keep_annotations:
            if statement.value is not None:
                kept.append(ast.Assign([statement.target], statement.value, lineno=0, col_offset=0))
        elif not isinstance(statement, ast.Pass) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            kept.append(statement)
    return kept or [ast.Pass()]
