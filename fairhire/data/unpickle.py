"""Reads old pickles without unpickling them: text, numbers and dictionaries come out, nothing of the file is executed.

Python's ``pickle`` is a small machine whose programs may call anything. This module is a smaller one: it knows only the
instructions that dictionaries, text and numbers need, and exactly two names, numpy's ``scalar`` and ``dtype`` (under
their module names before and after numpy 2), which it does not import: a float's eight bytes are read as eight bytes.
Any other instruction or name is refused where it stands.

Byte strings of Python 2 become text by latin-1, as the First Impressions files require (their README: the default of
``pickle.load`` fails on them).
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairhire.data.source import reading
from fairhire.errors import DataError

__all__ = ["LARGEST", "read_plain_pickle"]

LARGEST = 1 << 26
"""The longest file that is read at all, in bytes; the real ones have 1.5 MB."""

_SCALAR, _DTYPE = "scalar", "dtype"
_NAMES = {
    "numpy.core.multiarray scalar": _SCALAR,  # numpy 1
    "numpy._core.multiarray scalar": _SCALAR,  # numpy 2
    "numpy dtype": _DTYPE,
}
_FLOATS = {"f4": "f", "f8": "d"}  # numpy's name of a float: struct's name of it


def read_plain_pickle(path: Path, *, largest: int = LARGEST) -> object:
    """Return what a binary pickle (protocols 2 to 4) says, if it is made of dictionaries, text and numbers only.

    Values are str, int, float, bool, None, bytes, tuple and dict with text as keys. Raises :class:`DataError` naming
    the byte for anything else, and for files that are unreadable, cut short or longer than ``largest`` bytes.
    """
    with reading(path), path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise DataError(f"{path}: expected a pickle of at most {largest} bytes, got more")
    machine, position = _Machine(), 0
    try:
        for opcode, argument, at in pickletools.genops(data):
            position = at or 0
            step = _STEPS.get(opcode.name)
            if step is None:
                raise _RefusedError(f"the instruction {opcode.name}")
            step(machine, argument)
        return machine.result()
    except _RefusedError as refused:
        got = str(refused)
    except (ValueError, IndexError, KeyError) as error:  # a program that is cut short or makes no sense
        got = f"a damaged one ({' '.join(str(error).split()) or type(error).__name__})"
    raise DataError(f"{path}: expected a pickle of plain dictionaries, text and numbers, got {got} at byte {position}")


class _RefusedError(Exception):
    """Something that plain data have no use for."""


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass
class _Dtype:
    """A numpy float type as the pickle describes it; the byte order arrives in a second step."""

    letter: str
    order: str = ""


class _Machine:
    """The stack, its marks and the memo: all of a pickle's state."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def result(self) -> object:
        if len(self.stack) != 1 or self.marks or isinstance(self.stack[0], _Global | _Dtype):
            raise _RefusedError("something unfinished")
        return self.stack[0]

    def push(self, value: object) -> None:
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _RefusedError("text that is not Unicode") from None
        self.stack.append(value)

    def pop(self) -> object:
        if self.marks and self.marks[-1] == len(self.stack):
            raise _RefusedError("a mark out of place")
        return self.stack.pop()

    def above_mark(self) -> list[object]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def set_items(self, values: list[object]) -> None:
        target = self.pop()
        if not isinstance(target, dict) or len(values) % 2:
            raise _RefusedError("items for something that is not a dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str):
                raise _RefusedError(f"a dictionary key of type {type(key).__name__}")
            if isinstance(value, _Global | _Dtype):
                raise _RefusedError("a type as a value")
            target[key] = value
        self.stack.append(target)

    def make_tuple(self, size: int) -> None:
        self.stack.append(tuple(reversed([self.pop() for _ in range(size)])))

    def name(self, full: str) -> None:
        if full not in _NAMES:
            raise _RefusedError(f"the name {full.replace(' ', '.')!r}")
        self.stack.append(_Global(_NAMES[full]))

    def name_from_stack(self) -> None:
        name, module = self.pop(), self.pop()
        self.name(f"{module} {name}")

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise _RefusedError("a call of something that is no name")
        if function.name == _DTYPE:
            if not arguments or arguments[0] not in _FLOATS:
                raise _RefusedError(f"a numpy type other than {' and '.join(_FLOATS)}")
            self.stack.append(_Dtype(_FLOATS[str(arguments[0])]))
        else:
            self.stack.append(_float(arguments))

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if not isinstance(target, _Dtype) or order not in ("<", ">"):
            raise _RefusedError("a state for something that is not a numpy float type")
        target.order = str(order)
        self.stack.append(target)

    def remember(self, place: int) -> None:
        if not self.stack or (self.marks and self.marks[-1] == len(self.stack)):
            raise _RefusedError("a mark out of place")
        self.memo[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memo[place])


def _float(arguments: tuple[object, ...]) -> float:
    kind, raw = arguments if len(arguments) == 2 else (None, None)
    data = raw.encode("latin-1") if isinstance(raw, str) else raw
    if isinstance(kind, _Dtype) and kind.order and isinstance(data, bytes):
        layout = f"{kind.order}{kind.letter}"
        if len(data) == struct.calcsize(layout):
            return float(struct.unpack(layout, data)[0])
    raise _RefusedError("a numpy scalar that is no float")


_Step = Callable[[_Machine, object], None]

_PUSHED = (
    *("BINFLOAT", "BININT", "BININT1", "BININT2"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
)
_STEPS: dict[str, _Step] = {
    **dict.fromkeys(_PUSHED, lambda machine, argument: machine.push(argument)),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda *_: None),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above_mark())),
    "TUPLE1": lambda machine, _: machine.make_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_tuple(3),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.above_mark()),
    "MEMOIZE": lambda machine, _: machine.remember(len(machine.memo)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, place: machine.remember(_whole(place))),
    **dict.fromkeys(
        ("BINGET", "LONG_BINGET"), lambda machine, place: machine.stack.append(machine.memo[_whole(place)])
    ),
    "GLOBAL": lambda machine, name: machine.name(str(name)),
    "STACK_GLOBAL": lambda machine, _: machine.name_from_stack(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
}


def _whole(argument: object) -> int:
    if not isinstance(argument, int):
        raise _RefusedError("a place in the memo that is no number")
    return argument
