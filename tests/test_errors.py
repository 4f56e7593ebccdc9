from __future__ import annotations

import inspect
import re

import pytest

from fairhire import errors
from fairhire.errors import FairhireError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FairhireError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = dict(re.findall(r"── (\w+) +(\d)", errors.__doc__ or ""))
    children = {kind.__name__: str(kind.exit_code) for kind in KINDS if kind is not FairhireError}
    assert drawn == children
    assert set(errors.__all__) == {*drawn, "FairhireError"}


@pytest.mark.parametrize(
    ("name", "code"),
    [  # interface.md: these numbers are a contract with other people's scripts
        ("GateFailed", 1),
        ("UsageError", 2),
        ("NotComputableError", 3),
        ("DataError", 4),
        ("StorageError", 4),
        ("VerificationError", 5),
    ],
)
def test_every_mistake_has_its_exit_code(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


def test_a_full_disk_is_caught_where_bad_data_are() -> None:
    assert issubclass(errors.StorageError, errors.DataError)
    assert not issubclass(errors.UsageError, errors.DataError)
