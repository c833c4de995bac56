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


def test_each_type_is_read() -> None:
    assert FIELDS.text("text") == "words"
    assert FIELDS.integer("number") == 7
    assert FIELDS.flag("flag") is True
    assert FIELDS.texts("list") == ["a", "b"]
    assert FIELDS.text_mapping("object") == {"a": "1"}
    assert FIELDS.mapping("mixed") == {"a": 1}
    assert FIELDS.keys("object") == ["a"]
    assert [child.raw("x") for child in FIELDS.children("objects")] == [1, None]
    assert FIELDS.raw("mixed") == {"a": 1}
    child = FIELDS.child("object")
    assert child is not None
    assert child.text("a") == "1"


def test_an_empty_text_counts_as_not_there() -> None:
    assert FIELDS.text("empty") is None


@pytest.mark.parametrize("key", ["null", "absent"])
def test_what_is_null_is_not_there(key: str) -> None:
    assert key not in FIELDS
    for read in (FIELDS.text, FIELDS.integer, FIELDS.child, FIELDS.texts, FIELDS.mapping, FIELDS.keys, FIELDS.raw):
        assert read(key) is None
    assert FIELDS.flag(key) is False
    assert FIELDS.children(key) == []
    assert FIELDS.text_mapping(key) == {}


def test_what_is_null_was_said_nevertheless() -> None:
    assert FIELDS.says("null")
    assert not FIELDS.says("absent")


def test_a_null_in_an_object_of_texts_is_an_empty_one_as_go_reads_it() -> None:
    assert Fields({"labels": {"a": None, "b": "c"}}, "it").text_mapping("labels") == {"a": "", "b": "c"}


def test_falsy_values_are_there() -> None:
    fields = Fields({"zero": 0, "no": False, "none": [], "nothing": {}}, "it")
    assert all(key in fields for key in ("zero", "no", "none", "nothing"))
    assert fields.integer("zero") == 0
    assert fields.texts("none") == fields.keys("nothing") == []
    assert fields.mapping("nothing") == {}


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


@pytest.mark.parametrize("value", [0.5, 7.0, "7", True, [7], {"x": 7}])
def test_only_whole_numbers_are_whole(value: Any) -> None:
    with pytest.raises(InvalidError, match="'n' of it has to be a whole number"):
        Fields({"n": value}, "it").integer("n")


def test_whole_numbers_have_up_to_64_bits_as_tables_have() -> None:
    assert Fields({"n": 2**63 - 1}, "it").integer("n") == 2**63 - 1
    for number in (2**63, -(2**63), 10**4000):
        with pytest.raises(InvalidError, match=r"^'n' of it is a number of more than 64 bits$"):
            Fields({"n": number}, "it").integer("n")


@pytest.mark.parametrize(
    ("value", "found"),
    [([], "a list"), ("x", "a text"), (1, "a number"), (0.5, "a number"), (True, "true or false"), (None, "null")],
)
def test_what_is_no_object_has_no_fields(value: Any, found: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Fields(value, "it")
    assert str(caught.value) == f"it has to be a JSON object, not {found}"


def test_messages_say_where_an_inner_field_stands() -> None:
    inner = Fields({"outer": {"list": [{}, {"size": "1"}]}}, "the manifest").child("outer")
    assert inner is not None
    with pytest.raises(InvalidError, match=r"^'size' of list\[1\] of outer of the manifest has to be a whole number"):
        inner.children("list")[1].integer("size")
    with pytest.raises(InvalidError, match=r"^list\[0\] of it has to be a JSON object, not a number"):
        Fields({"list": [1]}, "it").children("list")
