"""Objects that stay with the program: a test uses them as plain Python would, or it is said that it can't."""

from __future__ import annotations

import textwrap

import pytest

from setwise.sandbox import Status

ASYNC = """
import asyncio
released = None
async def plus_one(x):
    await asyncio.sleep(0)
    return x + 1
async def waiter():
    global released
    released = asyncio.Event()
    await released.wait()
    return 1
async def releaser():
    await asyncio.sleep(0.01)
    released.set()
    return 2
async def fails():
    raise LookupError("no")
async def counter(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
class Context:
    async def __aenter__(self): return 3
    async def __aexit__(self, *why): self.left = True
class Awaitable:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return 4
"""
GENERATORS = """
log = []
def plain():
    received = yield 1
    yield received
    return 5
def patient():
    try:
        yield 1
    except ValueError:
        yield 2
def total(items):
    return sum(items)
class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration
        self.n -= 1
        return self.n
class Squares:
    def __len__(self): return 3
    def __getitem__(self, i):
        if i >= 3: raise IndexError(i)
        return i * i
    def __reversed__(self): return iter([4, 1, 0])
"""
CONTEXTS = """
from contextlib import contextmanager
class Log:
    items = []
    def __enter__(self): return self.items
    def __exit__(self, kind, error, trace):
        self.items.append(str(error))
        return kind is KeyError
@contextmanager
def quiet():
    try:
        yield 4
    except ValueError:
        pass
"""
CLASSES = """
import enum, functools
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from typing import NamedTuple
Point = namedtuple("Point", "x y")
class Pixel(NamedTuple):
    x: int
    y: int = 2
    def area(self): return self.x * self.y
class Color(enum.Enum):
    RED = 1
    GREEN = 2
class Size(enum.IntEnum):
    S = 1
class Word(str):
    def shout(self): return self.upper() + "!"
class Stack(list):
    def push(self, x): self.append(x)
@dataclass(order=True)
class Item:
    name: str
    price: float = 1.5
    @property
    def label(self): return f"{self.name}: {self.price}"
class Vector:
    def __init__(self, *parts): self.parts = list(parts)
    def __add__(self, other): return Vector(*[a + b for a, b in zip(self.parts, other.parts)])
    def __neg__(self): return Vector(*[-a for a in self.parts])
    def __abs__(self): return sum(a * a for a in self.parts) ** 0.5
    def __eq__(self, other): return self.parts == other.parts
    def __hash__(self): return hash(tuple(self.parts))
    def __lt__(self, other): return self.parts < other.parts
class Node:
    def __init__(self, value, next=None): self.value, self.next = value, next
class Base: pass
class Derived(Base): pass
class Wrong(ValueError):
    def __init__(self, code):
        super().__init__("bad", code)
        self.code = code
class Adder:
    def __init__(self, n): self.n = n
    def __call__(self, x): return self.n + x
def make_class(name): return type(name, (Base,), {"n": 3})
def adder(n): return lambda x: x + n
def raise_wrong(): raise Wrong(3)
def raise_key(): return {}["k"]
add_two = functools.partial(lambda a, b: a + b, 2)
one = Node(1)
def get_one(): return one
def x_of(point): return point.x
def ring():
    a, b = Node(1), Node(2)
    a.next, b.next = b, a
    return a
def nested(n):
    a = []
    for _ in range(n): a = [a]
    return a
def own():
    a = [1]
    a.append(a)
    return a
"""
PASSING = {
    "a coroutine": (ASYNC, "import asyncio\nassert asyncio.run(plus_one(1)) == 2"),
    "coroutines that wait for each other": (
        ASYNC,
        """
        import asyncio
        async def main():
            assert await asyncio.gather(waiter(), releaser()) == [1, 2]
        asyncio.run(main())
        """,
    ),
    "a coroutine that is cancelled": (
        ASYNC,
        """
        import asyncio
        async def main():
            try:
                await asyncio.wait_for(waiter(), 0.05)
            except asyncio.TimeoutError:
                return True
        assert asyncio.run(main())
        """,
    ),
    "a coroutine that raises": (
        ASYNC,
        "import asyncio\ntry:\n    asyncio.run(fails())\n    assert 0\n"
        "except LookupError as e:\n    assert str(e) == 'no'",
    ),
    "a coroutine by class": (ASYNC, "import inspect\nassert inspect.iscoroutine(plus_one(1))"),
    "an asynchronous generator, context and awaitable": (
        ASYNC,
        """
        import asyncio
        async def main():
            assert [i async for i in counter(3)] == [0, 1, 2]
            context = Context()
            async with context as value:
                assert value == 3
            assert context.left and await Awaitable() == 4
        asyncio.run(main())
        """,
    ),
    "a generator that is sent to": (
        GENERATORS,
        """
        import types
        it = plain()
        assert isinstance(it, types.GeneratorType) and next(it) == 1 and it.send(7) == 7
        try:
            next(it)
        except StopIteration as end:
            assert end.value == 5
        """,
    ),
    "a generator that is thrown into": (
        GENERATORS,
        "it = patient()\nassert next(it) == 1 and it.throw(ValueError) == 2",
    ),
    "a generator of its own as an argument": (
        GENERATORS,
        "assert total(i for i in Countdown(3)) == total(Countdown(3))",
    ),
    "iterators and sequences of its own": (
        GENERATORS,
        "assert list(Countdown(3)) == [2, 1, 0] and list(Squares()) == [0, 1, 4] and Squares()[2] == 4\n"
        "assert list(reversed(Squares())) == [4, 1, 0] and 4 in Squares() and sorted(Countdown(2)) == [0, 1]",
    ),
    "abstract classes": (
        GENERATORS,
        "import collections.abc as abc\nassert isinstance(Countdown(1), abc.Iterator) and not callable(Countdown(1))\n"
        "assert isinstance(Squares(), abc.Sized) and not isinstance(Squares(), abc.Iterable) and callable(plain)",
    ),
    "a context": (CONTEXTS, "with Log() as items:\n    assert items == []\nassert Log.items == ['None']"),
    "a context that takes an exception": (
        CONTEXTS,
        "with Log():\n    raise KeyError('k')\nassert Log.items == [\"'k'\"]\n"
        "with quiet() as x:\n    assert x == 4\n    raise ValueError",
    ),
    "a context that lets an exception through": (
        CONTEXTS,
        "try:\n    with Log():\n        raise OSError('x')\nexcept OSError:\n    pass\nelse:\n    assert False",
    ),
    "a named tuple": (
        CLASSES,
        "p = Point(1, 2)\nassert p == (1, 2) and p.x == 1 and x_of(p) == 1 and p._asdict() == {'x': 1, 'y': 2}\n"
        "assert isinstance(p, tuple) and isinstance(p, Point) and [*p] == [1, 2] and p._replace(x=3) == (3, 2)\n"
        "assert Pixel(3).area() == 6 and [q.y for q in [Pixel(1)]] == [2] and type(p).__name__ == 'Point'",
    ),
    "enumerations": (
        CLASSES,
        "assert Color.RED.value == 1 and Color.RED.name == 'RED' and Color.RED == Color.RED != Color.GREEN\n"
        "assert Color['RED'] is Color(1) and len(Color) == 2 and [c.name for c in Color] == ['RED', 'GREEN']\n"
        "assert Size.S == 1 and Size.S.name == 'S' and Color.RED in Color and {Color.RED: 1}[Color.RED] == 1",
    ),
    "what inherits from plain types": (
        CLASSES,
        "w, s = Word('a'), Stack([1])\nassert w == 'a' and w.shout() == 'A!' and s == [1] and isinstance(s, list)",
    ),
    "a dataclass and a property": (
        CLASSES,
        "i = Item('a')\nassert i.price == 1.5 and i.label == 'a: 1.5'\ni.price = 2\nassert i.label == 'a: 2'",
    ),
    "operators on objects of its own": (
        CLASSES,
        "assert (Vector(1, 2) + Vector(3, 4)).parts == [4, 6] and (-Vector(1)).parts == [-1]\n"
        "assert abs(Vector(3, 4)) == 5",
    ),
    "subclasses": (
        CLASSES,
        "assert issubclass(Derived, Base) and not issubclass(Base, Derived) and issubclass(Wrong, ValueError)\n"
        "assert isinstance(Derived(), Base) and not isinstance(Base(), Derived) and Derived.__mro__[1] is Base",
    ),
    "classes, closures and partials that it makes": (
        CLASSES,
        "A = make_class('A')\nassert A.__name__ == 'A' and A().n == 3 and issubclass(A, Base)\n"
        "assert isinstance(A(), Base)\n"
        "assert adder(2)(3) == 5 and add_two(3) == 5 and Adder(2)(3) == 5 and list(map(adder(1), [1, 2])) == [2, 3]",
    ),
    "exceptions with attributes and arguments": (
        CLASSES,
        "try:\n    raise_wrong()\nexcept ValueError as e:\n    assert e.code == 3 and e.args == ('bad', 3)\n"
        "try:\n    raise_key()\nexcept KeyError as e:\n    assert e.args == ('k',) and str(e) == \"'k'\"",
    ),
    "one object, twice": (CLASSES, "assert get_one() is one and get_one() == one\nr = ring()\nassert r.next.next is r"),
    "deep nesting": (CLASSES, "x, n = nested(900), 0\nwhile x: x, n = x[0], n + 1\nassert n == 900"),
    "deep nesting, compared": (
        CLASSES,
        "a = []\nfor _ in range(300): a = [a]\nassert nested(300) == a and nested(299) != a",
    ),
    "a list that holds itself": (CLASSES, "assert own()[0] == 1 and own()[1][1][0] == 1"),
    "memory views": (
        "def f(x):\n    return memoryview(x)",
        "assert f(b'ab') == b'ab' and f(bytearray(b'c')).tobytes() == b'c'",
    ),
    "collections": (
        CLASSES,
        "import collections as c\nassert Counter('aab') == {'a': 2, 'b': 1} and deque([1], 2) == c.deque([1])\n"
        "assert OrderedDict(a=1) == {'a': 1} and defaultdict(int, a=1) == {'a': 1}",
    ),
    "dictionaries that make what is missing": (
        CLASSES + "def counts(): return defaultdict(lambda: defaultdict(int), a=defaultdict(int, b=1))\n"
        "def count(d, key): d[key] += 1",
        "from collections import defaultdict\nd = counts()\nassert d == {'a': {'b': 1}} and d['a']['c'] == 0\n"
        "assert counts()['z'] == {} and counts() == defaultdict(int, {'a': {'b': 1}})\n"
        "e = defaultdict(int)\ncount(e, 'k')\nassert e == {'k': 1} and e['l'] == 0\n"
        "g = defaultdict(lambda: 5)\ncount(g, 'k')\nassert g == {'k': 6}",
    ),
    "slices": (
        "class Part:\n    def __getitem__(self, i): return [1, 2, 3][i]\ndef ends(): return slice(1, None)",
        "assert Part()[1:] == [2, 3] and Part()[::-1] == [3, 2, 1] and [1, 2][ends()] == [2]",
    ),
    "arguments that are changed, however they are handed over": (
        "def turn(a, n=1): a[:] = a[n:] + a[:n]\ndef put(d, q): d['k'] = 1; q.append(2)",
        "from collections import deque\na = [1, 2, 3]\nturn(a=a)\nassert a == [2, 3, 1]\nturn(a, n=2)\n"
        "assert a == [1, 2, 3]\nd, q = {}, deque([1])\nput(d, q=q)\nassert d == {'k': 1} and q == deque([1, 2])",
    ),
    "numbers that are none": (
        "def f():\n    return float('nan')",
        "import math\nassert math.isnan(f()) and f() != f()",
    ),
    "sets of sets": (
        "def f():\n    return {frozenset({1}), frozenset()}",
        "assert f() == {frozenset(), frozenset([1])}",
    ),
}


@pytest.mark.parametrize(("program", "test"), PASSING.values(), ids=PASSING.keys())
def test_a_right_program_passes_with(judge, program, test):
    result = judge(program, textwrap.dedent(test))
    assert result.passed, result


REFUSED = {
    "equality of two objects of the program's": "assert Vector(1) == Vector(1)",
    "inequality of them": "assert Vector(1) != Vector(2)",
    "order of them": "assert sorted([Item('b'), Item('a')])[0].name == 'a'",
    "equality inside of a list": "assert [Vector(1)] == [Vector(1)]",
    "equality in a set": "assert len({Vector(1), Vector(1)}) == 1",
    "a class by type()": "assert type(Vector(1)) == Vector",
}


@pytest.mark.parametrize("test", REFUSED.values(), ids=REFUSED.keys())
def test_what_only_the_program_could_say_is_refused_and_not_failed(judge, test):
    result = judge(CLASSES, test)
    assert result.status is Status.REFUSED and "of the program's" in result.detail, result


STREAMS = {
    "what it prints": "out, sys.stdout = sys.stdout, io.StringIO()\nf()\nassert sys.stdout.getvalue() == 'hi\\n'",
    "what it prints, in a context": "with contextlib.redirect_stdout(io.StringIO()) as b: f()\nassert b.getvalue()",
    "what it reads": "sys.stdin = io.StringIO('4')\nassert g() == 4",
    "what it asks for": "with mock.patch('builtins.input', return_value='4'):\n    assert g() == 4",
}


@pytest.mark.parametrize("test", STREAMS.values(), ids=STREAMS.keys())
def test_what_a_program_reads_and_prints_is_refused_and_not_failed(judge, test):
    program = "def f(): print('hi')\ndef g(): return int(input())"
    result = judge(program, f"import contextlib, io, sys\nfrom unittest import mock\n{test}")
    assert result.status is Status.REFUSED and "sys.stdin" in result.detail, result


WRONG = {
    "coroutines that lack a package": (
        "async def f(x): import no_such_package",
        "import asyncio\nasync def main(): await asyncio.gather(f(1), f(2))\nasyncio.run(main())",
    ),
    "an argument that is not changed": ("def f(a): sorted(a)", "a = [2, 1]\nf(a=a)\nassert a == [1, 2]"),
    "a dictionary that makes what claims to be equal": (
        "from collections import defaultdict\nclass Any:\n    def __eq__(self, other): return True\n"
        "def f(): return defaultdict(Any)",
        "assert f()['a'] == 1",
    ),
    "a coroutine": (ASYNC, "import asyncio\nassert asyncio.run(plus_one(1)) == 3"),
    "a coroutine that nobody awaits": (ASYNC, "assert plus_one(1) == 2"),
    "a generator": (GENERATORS, "assert list(Countdown(3)) == [3, 2, 1]"),
    "a subclass": (CLASSES, "assert issubclass(Base, Derived)"),
    "a named tuple's field": (CLASSES, "assert Point(1, 2).x == 2"),
    "a deep value": (CLASSES, "assert nested(300) == nested(301)"),
    "an object against a value": (CLASSES, "assert Vector(1) == [1]"),
    "an object and a value": (CLASSES, "assert Vector(1) + 1 == 2"),
    "a context that lets an exception through": (CONTEXTS, "with Log():\n    raise OSError('x')"),
}


@pytest.mark.parametrize(("program", "test"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_program_fails_with(judge, program, test):
    result = judge(program, test)
    assert (result.status, result.failed_test) == (Status.FAILED, 0), result


SHOWN = {
    "leaves": "import os; os._exit(0)",
    "leaves by sys.exit": "import sys; sys.exit()",
    "never ends": "while True: pass",
    "raises": "raise OSError",
    "is no text": "return 3",
}


@pytest.mark.parametrize("body", SHOWN.values(), ids=SHOWN.keys())
def test_a_wrong_program_fails_whatever_its_text_does(judge, body):
    program = f"class Odd:\n    def __repr__(self):\n        {body}\n    __str__ = __repr__\ndef f(): return [Odd()]"
    for test in ("assert f() == 1", "assert f() == 1, f()"):
        result = judge(program, test)
        assert (result.status, result.failed_test) == (Status.FAILED, 0), result


def test_a_test_that_shows_an_object_of_the_programs_fails_all_the_same(judge):
    program = "import os\nclass Odd:\n    def __str__(self): os._exit(0)\ndef f(): return Odd()"
    result = judge(program, "assert f() is None, f()")
    assert (result.status, result.failed_test) == (Status.FAILED, 0), result
