"""Who is to be forgotten: their ids, what only they said, and how to tell that a text names them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

__all__ = ["RAW_LENGTH", "Person", "cell_name"]

RAW_LENGTH = 6
"""Letters of an id from which it is looked for in bytes that are no text; a shorter one occurs there by chance."""

_NUMBER = re.compile(r"[-+]?\d[\d.,]*")
_MASK = "[id]"
_CODES = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def cell_name(cell: Any) -> str:
    """Return an id as text; a whole number is written without a point, as in a CSV."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


@dataclass(frozen=True)
class Person:
    """The candidates of one request, and what the files say of them.

    ``interviews`` are the ids of their interviews; ``words`` are what nobody else said, by the SHA-256 of the record of
    the corpus in which they stand; ``positions`` those for which nobody else applied. ``others`` are ids of candidates
    and interviews that are somebody else's: an id may be a piece of another's.
    """

    candidates: frozenset[str]
    interviews: frozenset[str] = frozenset()
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    positions: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All ids, longest first, so that one that holds another is masked whole."""
        return tuple(sorted(self.candidates | self.interviews, key=lambda name: (-len(name), name)))

    @cached_property
    def weak_ids(self) -> tuple[str, ...]:
        """Ids that stand in texts by chance: numbers of fewer than six signs, and anything of one or two letters."""
        return tuple(name for name in self.ids if len(name) < 3 or (len(name) < RAW_LENGTH and _NUMBER.fullmatch(name)))

    @cached_property
    def strong_ids(self) -> tuple[str, ...]:
        """The other ids: where one stands in a text as a whole, the text names the person."""
        return tuple(name for name in self.ids if name not in self.weak_ids)

    @cached_property
    def said(self) -> frozenset[str]:
        """What nobody else said, in any of the corpora."""
        return frozenset().union(*self.words.values())

    def owns(self, *, candidate: Any = None, interview: Any = None) -> bool:
        """Return whether a row or record is theirs: the candidate decides, the interview only where none is named."""
        if candidate is not None and cell_name(candidate):
            return cell_name(candidate) in self.candidates
        return interview is not None and cell_name(interview) in self.interviews

    def is_named_in(self, content: bytes, low: int = 0, high: int | None = None) -> bool:
        """Return whether a text names the person: an id as a whole, neither a piece of a word nor of another's id.

        Only a place that begins at ``low`` or later and before ``high`` counts.
        """
        return self._occurs(self._text, content, low, high)

    def is_buried_in(self, content: bytes, low: int = 0, high: int | None = None) -> bool:
        """Return whether bytes that are no text hold one of the longer ids, in UTF-8, UTF-16 or UTF-32."""
        return self._occurs(self._raw, content, low, high)

    def is_called(self, name: str) -> bool:
        """Return whether the name of a file or folder names the person."""
        if self.is_named_in(name.encode("utf-8", "surrogateescape")):
            return True
        return any(weak in (name, PurePath(name).stem) for weak in self.weak_ids)

    def mask(self, path: str) -> str:
        """Return a path without the ids in it."""
        return "/".join(map(self._mask_part, path.split("/")))

    def _mask_part(self, part: str) -> str:
        for weak in self.weak_ids:
            if weak in (part, PurePath(part).stem):
                part = part.replace(weak, _MASK, 1)
        name = part.encode("utf-8", "surrogateescape")
        for wanted in (self._text, self._raw):
            if wanted.forms:
                name = wanted.pattern.sub(_MASK.encode(), name)
        return name.decode("utf-8", "replace")

    def _occurs(self, wanted: _Wanted, content: bytes, low: int, high: int | None) -> bool:
        end = len(content) if high is None else high
        return any(low <= one.start() < end and self._is_theirs(one, content) for one in wanted.found_in(content))

    def _is_theirs(self, found: re.Match[bytes], content: bytes) -> bool:
        """Return whether a place that was found is not within an id of somebody else."""
        low, high = found.span()
        for other in self._longer:
            end = high + len(other)
            start = content.find(other, max(0, low - len(other)), end)
            while start != -1:
                if start <= low and high <= start + len(other):
                    return False
                start = content.find(other, start + 1, end)
        return True

    @cached_property
    def _longer(self) -> tuple[bytes, ...]:
        """Ids of others, of which one of theirs is a piece, as files write them."""
        longer = [other for other in self.others if any(name in other for name in self.ids)]
        written = {form for other in longer for form in _forms(other)}
        return tuple(written | {other.encode(code, "surrogatepass") for other in longer for code in _CODES})

    @cached_property
    def _text(self) -> _Wanted:
        forms = _longest_first(form for name in self.strong_ids for form in _forms(name))
        # A byte above 127 is a piece of a letter.
        whole = rb"(?<![A-Za-z0-9\x80-\xff])(?:%s)(?![A-Za-z0-9\x80-\xff])"
        return _Wanted(forms, re.compile(whole % b"|".join(map(_bounded, forms))))

    @cached_property
    def _raw(self) -> _Wanted:
        long = [name for name in self.ids if len(name) >= RAW_LENGTH]
        forms = {name.encode(code, "surrogatepass"): _undivided(name, code) for name in long for code in _CODES}
        return _Wanted(_longest_first(forms), re.compile(b"|".join(forms[form] for form in _longest_first(forms))))


@dataclass(frozen=True)
class _Wanted:
    """What is looked for: plain bytes, which are found fast, and the pattern that says which of the places count."""

    forms: list[bytes]
    pattern: re.Pattern[bytes]

    def found_in(self, content: bytes) -> Iterable[re.Match[bytes]]:
        return self.pattern.finditer(content) if any(form in content for form in self.forms) else ()


def _longest_first(forms: Iterable[bytes]) -> list[bytes]:
    return sorted(sorted(set(forms)), key=len, reverse=True)


def _forms(name: str) -> Iterator[bytes]:
    """Yield the ways in which files write an id: as it is, in HTML, CSV, JSON, an address, or a name of ours."""
    for form in (
        *(name, html.escape(name), html.escape(name, quote=False), name.replace('"', '""')),
        *(json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], quote(name, safe="")),
        re.sub(r"[^A-Za-z0-9._-]", "_", name),
    ):
        if any(letter.isalnum() for letter in form):
            yield form.encode("utf-8", "surrogateescape")


def _bounded(form: bytes) -> bytes:
    """Return a pattern of a form; one that is a number is no piece of a longer one with a point or a comma."""
    escaped = re.escape(form)
    if not _NUMBER.fullmatch(form.decode("utf-8", "replace")):
        return escaped
    return rb"(?<![0-9][.,])" + escaped + rb"(?![.,][0-9])"


def _undivided(name: str, code: str) -> bytes:
    """Return an id as bytes that are not followed by a further digit where it ends in one."""
    escaped = re.escape(name.encode(code, "surrogatepass"))
    if not name[-1].isdigit():
        return escaped
    zeros = b"" if code.endswith(("8", "le")) else "0".encode(code)[:-1]
    return escaped + b"(?!%s[0-9])" % zeros
