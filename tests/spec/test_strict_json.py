"""A text that two parsers could read differently is read by none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.spec.strict_json import MAX_DEPTH, MAX_PARTS, parse_object, walk_object


@pytest.mark.parametrize("pair", [b"[]", b'{"a":}'], ids=["lists", "objects"])
def test_depth_has_a_limit_that_does_not_hang_on_the_stack(pair: bytes) -> None:
    opening, closing = pair[:-1], pair[-1:]

    def nested(levels: int) -> bytes:
        return b'{"top":' + opening * (levels - 2) + b"{}" + closing * (levels - 2) + b"}"

    assert parse_object(nested(MAX_DEPTH), "it")
    for levels in (MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(InvalidError, match=f"^it is nested deeper than {MAX_DEPTH} levels$"):
            parse_object(nested(levels), "it")


@pytest.mark.parametrize("part", [b"{}", b"[]"])
def test_parts_have_a_limit_that_is_seen_before_they_fill_the_memory(part: bytes) -> None:
    def wide(parts: int) -> bytes:
        return b'{"list": [' + b",".join([part] * (parts - 2)) + b"]}"

    assert len(parse_object(wide(1000), "it")["list"]) == 998
    with pytest.raises(InvalidError, match=r"^it has more than 500,000 objects and lists in it$"):
        parse_object(wide(MAX_PARTS + 1), "it")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _VALUES.filter(lambda value: value not in (float("inf"), float("-inf"))), max_size=4))
def test_what_json_writes_is_read_back(value: dict[str, Any]) -> None:
    try:
        raw = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # an infinity further in
        return
    assert parse_object(raw, "it") == value


@given(st.binary() | st.text(alphabet='{}[]":,0a\\ue-N. \n').map(str.encode))
def test_any_bytes_are_an_object_or_are_refused(raw: bytes) -> None:
    try:
        value = parse_object(raw, "it")
    except InvalidError:
        return
    assert json.loads(raw) == value


def walked(raw: bytes) -> list[tuple[str, Any]]:
    return list(walk_object(raw, "list", "this"))


def test_a_walk_gives_members_and_unrolls_one_list() -> None:
    raw = b' {"a" : [1, {"b": 2}] ,\n"list":[ {"c": 3} , null,[] ], "d": "e"}\t'
    assert walked(raw) == [("a", [1, {"b": 2}]), ("list", {"c": 3}), ("list", None), ("list", []), ("d", "e")]
    assert walked(b"{}") == walked(b'{"list": []}') == []
    assert walked(b'{"list": {"no": "list"}}') == [("list", {"no": "list"})]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"7",
        b"{,}",
        b'{"a"}',
        b'{"a": 1,}',
        b'{"a": 1 "b": 2}',
        b'{"list": [1,]}',
        b'{"list": [1 2]}',
        b'{"list": [1',
    ],
)
def test_a_walk_refuses_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(InvalidError, match="this is not valid JSON"):
        walked(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"list": [{"a": 1, "a": 2}]}', "the key 'a' stands twice"),
        (b'{"list": [NaN]}', "NaN is no JSON value"),
        (b'{"list": [1]} {}', "something stands behind its end"),
        (b"{7: 1}", "a key is no text"),
        (b'{"a": "\xff"}', "utf-8"),
        (b'{"list": [' + b"[" * 100_000, "nested deeper"),
    ],
)
def test_a_walk_says_what_is_wrong(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        walked(raw)


@given(st.dictionaries(st.text(max_size=3), st.recursive(st.integers() | st.text(), st.lists, max_leaves=9)))
def test_a_walk_gives_what_the_parser_gives(value: dict[str, Any]) -> None:
    raw = json.dumps(value, indent=1).encode("utf-8", "surrogatepass")
    assert dict(walk_object(raw, "not there\0", "this")) == json.loads(raw)
