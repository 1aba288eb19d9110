"""Plants faults in the planner's own code: each function once for every guard, operand and part that it could lack.

A fault is made by compiling a function anew without one piece of it and giving the old function the new code, so that
everybody who holds the function runs it. Taken back by giving the old code back.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType


@dataclass(frozen=True, slots=True)
class Mutant:
    """A function with other code."""

    name: str
    """The function and what it lacks: 'planner.rules.prune.inline_ctes: if len(kept) == len(node.ctes): return node'."""
    function: FunctionType
    code: CodeType

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The function runs the other code inside."""
        own = self.function.__code__
        self.function.__code__ = self.code
        try:
            yield
        finally:
            self.function.__code__ = own


def mutants(module: ModuleType) -> list[Mutant]:
    """All that can be lacking in a module's functions and methods."""
    made: list[Mutant] = []
    for function in _functions(module):
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        names: set[str] = set()
        for number in range(len(list(_pieces(tree)))):
            copy = ast.parse(textwrap.dedent(inspect.getsource(function)))
            what = list(_pieces(copy))[number]()
            name = f"{module.__name__}.{function.__qualname__}: {what}"
            code = _compiled(copy, function)
            if code is not None and name not in names:
                names.add(name)
                made.append(Mutant(name, function, code))
    return made


def _functions(module: ModuleType) -> list[FunctionType]:
    found = []
    for value in vars(module).values():
        members = vars(value).values() if inspect.isclass(value) else [value]
        found += [
            member
            for member in members
            if isinstance(member, FunctionType)
            and member.__module__ == module.__name__
            and not member.__closure__
            and not hasattr(member, "__wrapped__")
            and "<" not in member.__qualname__
            and member.__code__.co_filename == module.__file__
            and not member.__name__.startswith("__")
        ]
    return found


def _compiled(tree: ast.Module, function: FunctionType) -> CodeType | None:
    ast.fix_missing_locations(tree)
    space = dict(function.__globals__)
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    whole = ast.fix_missing_locations(ast.Module([future, *tree.body], []))
    try:
        exec(compile(whole, function.__code__.co_filename, "exec"), space)  # noqa: S102 - our own code, less one piece
    except SyntaxError:
        return None
    made = space[function.__name__]
    same = isinstance(made, FunctionType) and made.__code__.co_freevars == function.__code__.co_freevars
    return made.__code__ if same else None


def _pieces(tree: ast.AST) -> Iterator:  # type: ignore[type-arg]
    """Ways to leave a piece out of the tree, in a fixed order; each changes the tree and says what it left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            for value in [value for value in node.values if not _narrows(value)]:
                yield lambda node=node, value=value: _without(node, "values", value, _word(node.op))
        leaves = isinstance(node, ast.If) and isinstance(node.body[-1], (ast.Return, ast.Continue, ast.Raise))
        if isinstance(node, ast.If) and leaves and not node.orelse and not _narrows(node.test):
            yield lambda node=node: _never(node)
        if isinstance(node, (ast.List, ast.Tuple)) and any(isinstance(item, ast.Starred) for item in node.elts):
            for item in node.elts:
                yield lambda node=node, item=item: _without(node, "elts", item, "part")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("replace", "Select"):
            for keyword in node.keywords:
                yield lambda node=node, keyword=keyword: _without(node, "keywords", keyword, "field")
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.DictComp)):
            for generator in node.generators:
                for test in generator.ifs:
                    yield lambda generator=generator, test=test: _without(generator, "ifs", test, "if")
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.Sub)):
            yield lambda node=node: _left(node)


def _narrows(test: ast.expr) -> bool:
    """Whether a test only tells types apart: without it the code raises, which proves nothing."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _narrows(test.operand)
    if isinstance(test, ast.Compare):
        return isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance"


def _word(op: ast.boolop) -> str:
    return "and" if isinstance(op, ast.And) else "or"


def _without(node: ast.AST, field: str, item: ast.AST, word: str) -> str:
    items = getattr(node, field)
    text = ast.unparse(item)
    items.remove(item)
    if field == "values" and len(items) == 1:
        items.append(ast.Constant(word == "and"))
    return f"without '{word} {text}'"


def _never(node: ast.If) -> str:
    text = ast.unparse(node).replace("\n", " ")
    node.test = ast.Constant(False)
    return f"without '{' '.join(text.split())}'"


def _left(node: ast.BinOp) -> str:
    text = ast.unparse(node.right)
    sign = "|" if isinstance(node.op, ast.BitOr) else "-"
    node.op, node.right = (
        ast.BitOr() if sign == "|" else ast.Sub(),
        node.left if sign == "|" else ast.Call(ast.Name("type", ast.Load()), [node.left], []),
    )
    return f"without '{sign} {text}'"
