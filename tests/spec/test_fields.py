"""Each field has the type that was asked for, is not there, or is refused by name."""

import operator
from collections.abc import Callable
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.strict_json import Fields

BODY = {
    "text": "words",
    "empty": "",
    "number": 7,
    "flag": True,
    "object": {"a": "1"},
    "list": ["a", "b"],
    "objects": [{"x": 1}, {}],
    "mixed": {"a": 1},
    "null": None,
}
FIELDS = Fields(BODY, "the thing")


@pytest.mark.parametrize(
    ("method", "wanted", "key", "found"),
    [
        ("text", "a text", "number", "a number"),
        ("text", "a text", "list", "a list"),
        ("text", "a text", "flag", "true or false"),
        ("integer", "a whole number", "text", "a text"),
        ("integer", "a whole number", "flag", "true or false"),
        ("flag", "true or false", "number", "a number"),
        ("child", "an object", "list", "a list"),
        ("children", "a list", "object", "an object"),
        ("texts", "a list", "text", "a text"),
        ("texts", "a list of texts", "objects", "a list"),
        ("text_mapping", "an object", "list", "a list"),
        ("text_mapping", "an object of texts", "mixed", "an object"),
        ("mapping", "an object", "text", "a text"),
        ("keys", "an object", "list", "a list"),
    ],
)
def test_another_type_is_refused_by_name(method: str, wanted: str, key: str, found: str) -> None:
    read: Callable[[Fields], Any] = operator.methodcaller(method, key)
    with pytest.raises(InvalidError) as caught:
        read(FIELDS)
    assert str(caught.value) == f"'{key}' of the thing has to be {wanted}, not {found}"
