"""A config says how an image runs and how it was made, in the words of the Dockerfile."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.image_config import (
    HistoryEntry,
    align_history,
    chain_ids,
    dockerfile_instruction,
    is_image_config,
    layer_steps,
    parse_config,
    parse_time,
)

DIFF_ID = Digest.of(b"tar")


def _raw(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"config": []}, "'config' of it has to be an object, not a list"),
        ({"config": {"Env": "A=b"}}, "'Env' of config of it has to be a list, not a text"),
        ({"config": {"Cmd": [1]}}, "'Cmd' of config of it has to be a list of texts, not a list"),
        ({"config": {"Labels": {"a": 1}}}, "'Labels' of config of it has to be an object of texts"),
        ({"config": {"ExposedPorts": "80/tcp"}}, "'ExposedPorts' of config of it has to be an object, not a text"),
        ({"config": {"Volumes": [80]}}, "'Volumes' of config of it has to be a list of texts, not a list"),
        ({"config": {"Entrypoint": {"0": "sh"}}}, "'Entrypoint' of config of it has to be a list, not an object"),
        ({"config": {"Healthcheck": "true"}}, "'Healthcheck' of config of it has to be an object, not a text"),
        ({"config": {"User": 0}}, "'User' of config of it has to be a text, not a number"),
        ({"created": 1700000000}, "'created' of it has to be a text, not a number"),
        ({"os": []}, "'os' of it has to be a text, not a list"),
        ({"rootfs": []}, "'rootfs' of it has to be an object, not a list"),
        ({"rootfs": {"diff_ids": "x"}}, "'diff_ids' of rootfs of it has to be a list, not a text"),
        ({"rootfs": {"diff_ids": ["x"]}}, "'x' is not a digest"),
        ({"history": {}}, "'history' of it has to be a list, not an object"),
        ({"history": [{}, None]}, "history[1] of it has to be a JSON object, not null"),
        (
            {"history": [{"empty_layer": "true"}]},
            "'empty_layer' of history[0] of it has to be true or false",
        ),
        ({"history": [{"created_by": ["RUN"]}]}, "'created_by' of history[0] of it has to be a text, not a list"),
    ],
)
def test_a_wrong_config_is_refused_by_the_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_config(_raw(**fields), "it")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "is_config"),
    [
        (_raw(rootfs={}), True),
        (_raw(os="linux", architecture="amd64"), True),
        (_raw(os="linux"), False),
        (_raw(rootfs=None, name="chart"), False),
        (_raw(), False),
        (b"[]", False),
        (b"\x1f\x8b\x08", False),
        (b"", False),
    ],
)
def test_configs_are_known_by_their_fields(raw: bytes, is_config: bool) -> None:  # noqa: FBT001
    assert is_image_config(raw) is is_config


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+02:00",
        "1970-01-01T00:00:00Z",
        "1970-01-01T01:00:00+01:00",
        "1970-01-01T00:00:00.000000000Z",
        "9999-12-31T23:59:59-01:00",
        "2024-02-30T00:00:00Z",
        "2024-05-14T02:03:60Z",
        "2024-05-14 02:03:04 +0000 UTC",
        "yesterday",
        "1700000000.5",
        "\ud800",
    ],
)
def test_what_builders_write_when_they_do_not_say_is_no_time(text: str | None) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("created_by", [None, "", " ", "# buildkit", "/bin/sh -c #(nop) "])
def test_without_words_there_is_no_instruction(created_by: str | None) -> None:
    assert HistoryEntry(None, created_by, None, None, empty_layer=False).instruction is None


@pytest.mark.parametrize(
    "created_by",
    [
        "powershell " + " " * 2_000_000 + "x",
        "|999 " + "A= " * 700_000 + "x",
        "|1 A=" + "/bin/sh " * 300_000 + "x",
        "/" * 2_000_000 + "x",
        "sh" + " -c" * 700_000 + "x",
    ],
    ids=lambda text: text[:10],
)
def test_a_long_text_takes_no_longer_than_it_is_long(created_by: str) -> None:
    assert dockerfile_instruction(created_by).endswith("x")


@given(st.text() | st.text(alphabet="|12 RUN/bin/sh-c#(nop)A=\n"))
def test_any_text_has_an_instruction_that_is_a_part_of_it(created_by: str) -> None:
    assert dockerfile_instruction(created_by).removeprefix("RUN ") in created_by


@given(st.text())
def test_any_text_is_a_time_in_utc_or_none(text: str) -> None:
    moment = parse_time(text)
    assert moment is None or moment.tzinfo is UTC


_KEYS = st.sampled_from(
    "created author os architecture variant config rootfs history diff_ids User Entrypoint Cmd Env Labels ExposedPorts "
    "Volumes Healthcheck created_by empty_layer".split()
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.just(DIFF_ID),
    st.just("2024-01-01T00:00:00Z"),
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=8
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_whatever_comes_is_a_config_or_is_refused(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    assert is_image_config(raw) in (True, False)
    try:
        config = parse_config(raw, "it")
    except InvalidError:
        return
    assert all(isinstance(value, str) for value in [*config.env.values(), *config.labels.values(), *config.diff_ids])
    assert config.healthcheck is None or isinstance(config.healthcheck, dict)


BASE, MIDDLE, TOP = (Digest.of(name.encode()) for name in ("base", "middle", "top"))


def _entry(empty_layer: bool, created_by: str = "RUN true") -> HistoryEntry:  # noqa: FBT001
    return HistoryEntry(None, created_by, None, None, empty_layer)


def _history(pattern: str) -> list[HistoryEntry]:
    return [_entry(letter == "-", f"step {place}") for place, letter in enumerate(pattern)]


def _sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@given(st.lists(st.sampled_from([BASE, MIDDLE, TOP]), max_size=6))
def test_a_chain_id_depends_on_the_layers_below_only(diff_ids: list[Digest]) -> None:
    whole = chain_ids(diff_ids)
    assert [chain_ids(diff_ids[: place + 1])[-1] for place in range(len(diff_ids))] == whole


@pytest.mark.parametrize(
    ("pattern", "layers", "steps"),
    [
        ("L-L", 2, ["step 0", "step 2"]),
        ("", 2, [None, None]),
        ("L-L", 3, [None, None, None]),
        ("L-L", 1, [None]),
        ("--", 0, []),
    ],
)
def test_each_layer_gets_its_step_or_none(pattern: str, layers: int, steps: list[str | None]) -> None:
    found = layer_steps(_history(pattern), layers)
    assert [step and step.created_by for step in found] == steps


@given(st.text(alphabet="L-", max_size=12))
def test_a_history_that_fits_names_each_layer_once_and_in_order(pattern: str) -> None:
    aligned = align_history(_history(pattern), pattern.count("L"))
    assert [layer for layer in aligned if layer is not None] == list(range(pattern.count("L")))
    assert [layer is None for layer in aligned] == [letter == "-" for letter in pattern]
