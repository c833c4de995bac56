"""Schema 1 is read as an image of today: layers from the base up, what was thrown away is no layer, sizes unknown."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.documents import UNKNOWN_SIZE
from ocinb.spec.mediatypes import DOCKER_SCHEMA1, DOCKER_SCHEMA1_LAYER, DOCKER_SCHEMA1_SIGNED
from ocinb.spec.schema1 import Schema1, parse_schema1
from tests.spec.signing import Step, schema1, sign

BASE, TOP = f"sha256:{'b' * 64}", f"sha256:{'c' * 64}"
CONFIG: dict[str, Any] = {
    "User": "1000",
    "Env": ["PATH=/bin"],
    "Cmd": ["sh"],
    "Labels": None,
    "ExposedPorts": {"80/tcp": {}},
}
STEPS = [
    Step(["/bin/sh", "-c", "#(nop) ADD file:1 in /"], BASE),
    Step(["/bin/sh", "-c", "#(nop) ENV A=1"], None, (("author", "Ada"), ("comment", "one"))),
    Step(["/bin/sh", "-c", "make"], TOP, (("os", "linux"), ("architecture", "arm64"), ("config", CONFIG))),
]
RAW = schema1(STEPS)


def read(raw: bytes) -> Schema1:
    return parse_schema1(raw, DOCKER_SCHEMA1, "it")


@pytest.mark.parametrize("raw", [RAW, sign(RAW), sign(RAW, keys=2)], ids=["unsigned", "signed", "signed twice"])
def test_layers_stand_from_the_base_up_without_sizes(raw: bytes) -> None:
    manifest = parse_schema1(raw, DOCKER_SCHEMA1_SIGNED, "it").manifest
    assert [layer.digest for layer in manifest.layers] == [BASE, TOP]
    assert {layer.size for layer in manifest.layers} == {UNKNOWN_SIZE}
    assert {layer.media_type for layer in manifest.layers} == {DOCKER_SCHEMA1_LAYER}
    assert (manifest.media_type, manifest.config, manifest.annotations) == (DOCKER_SCHEMA1_SIGNED, None, {})


def test_the_manifest_says_the_architecture_where_the_step_does_not() -> None:
    config = read(schema1([Step(None, BASE, (("os", "linux"),))], architecture="s390x")).config
    assert str(config.platform) == "linux/s390x"
    assert not read(schema1([Step(None, BASE)])).config.platform.known, "nobody said which system it is for"


@pytest.mark.parametrize("command", [None, [], [""]])
def test_a_step_that_says_nothing_has_no_instruction(command: list[str] | None) -> None:
    [entry] = read(schema1([Step(command, BASE)])).config.history
    assert (entry.created_by, entry.instruction) == (None, None)


def entry(text: Any) -> dict[str, Any]:
    return {"history": [{"v1Compatibility": text}], "fsLayers": [{"blobSum": BASE}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schemaVersion": 2}, "it has schemaVersion 2, not 1"),
        ({"schemaVersion": ...}, "it has schemaVersion None, not 1"),
        ({"fsLayers": ..., "history": ...}, "it has 0 layers and 0 history entries"),
        ({"fsLayers": [], "history": []}, "it has 0 layers and 0 history entries"),
        ({"fsLayers": None}, "it has 0 layers and 3 history entries"),
        ({"fsLayers": [{"blobSum": BASE}]}, "it has 1 layers and 3 history entries"),
        ({"history": None}, "it has 3 layers and 0 history entries"),
        ({"history": {}}, "'history' of it has to be a list, not an object"),
        ({"history": [None] * 3}, "history[0] of it has to be a JSON object, not null"),
        ({"fsLayers": [{}] * 3}, "fsLayers[2] of it needs blobSum"),
        ({"fsLayers": [{"blobSum": "tarsum:1"}] * 3}, "the digest 'tarsum:1' is of an unknown algorithm"),
        ({"fsLayers": [{"blobSum": 5}] * 3}, "'blobSum' of fsLayers[2] of it has to be a text, not a number"),
        ({"architecture": 5}, "'architecture' of it has to be a text, not a number"),
        (entry(None), "history[0] of it needs v1Compatibility"),
        (entry({}), "'v1Compatibility' of history[0] of it has to be a text, not an object"),
        (entry("{"), "v1Compatibility of history[0] of it is not valid JSON"),
        (entry("[]"), "v1Compatibility of history[0] of it is not a JSON object"),
        (entry('{"\ud800": 1}'), "v1Compatibility of history[0] of it is not valid JSON"),
        (entry('{"a": 1, "a": 2}'), "the key 'a' stands twice"),
        (entry('{"a": ' + "[" * 200 + "]" * 200 + "}"), "is nested deeper than"),
        (entry('{"throwaway": "yes"}'), "'throwaway' of v1Compatibility of history[0] of it has to be true or false"),
        (entry('{"container_config": {"Cmd": [1]}}'), "'Cmd' of container_config of v1Compatibility of history[0]"),
        (entry('{"config": []}'), "'config' of v1Compatibility of history[0] of it has to be an object"),
    ],
)
def test_what_is_wrong_is_refused_with_the_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(schema1(STEPS, **changes))
    assert message in str(caught.value)


def test_only_what_is_signed_is_read() -> None:
    raw = sign(RAW)
    with pytest.raises(InvalidError, match="something else than what is signed"):
        read(raw[: -len(b"\n}")] + b', "os": "plan9"}')
