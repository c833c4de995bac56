"""Whatever an image says, it goes into the catalogue, and comes out as it was where DuckDB can hold it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.catalog.making import put_config, sha256, sized
from tests.frames.facts import records

TEXTS = [
    "",
    " ",
    "a.b/c",
    "$",
    "$.a",
    '"quoted"',
    "'; DROP TABLE layers; --",
    "back\\slash",
    "NULL",
    "{key}",
    "[0]",
    "\x00",
    "nul\x00inside",
    "line\nanother\r\u2028",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "\U0001f40b",
    "e\u0301",
    "\u00e9",
    "\ufeff",
    "\ufffe\uffff",
    "x" * 100_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:30]))
def test_text_comes_out_as_it_went_in(registry: SampleRegistry, text: str) -> None:
    run = {"Labels": {text: text}, "Env": [f"KEY={text}"], "Entrypoint": [text], "Cmd": ["a", text, ""], "User": text}
    history = [{"created_by": f"RUN {text}|", "created": "2025-05-05T05:05:05Z"}]
    put_config(registry, "demo/text", {"config": run, "history": history}, sized("a", 1), tag="1")
    name = registry.reference("demo/text:1")
    with ocinb.Catalog() as catalog:
        assert catalog.add(name)["outcome"].tolist() == ["added"]
        [config] = records(catalog.sql("FROM configs"))
        [step] = records(catalog.sql("FROM history"))
        labels = catalog.sql("SELECT labels[?] AS text FROM images", [text])
    assert (config["labels"], config["env"]) == ({text: text}, {"KEY": text})
    assert (config["entrypoint"], config["cmd"]) == ([text], ["a", text, ""])
    assert config["user"] == (text or None)
    assert step["created_by"] == f"RUN {text}|"
    assert labels["text"].tolist() == [text]
    assert sha256(config["raw"]) == config["config_digest"]


def test_keys_that_differ_in_case_are_two(registry: SampleRegistry) -> None:
    labels = {"key": "1", "KEY": "2", "Key": "3", "kEY ": "4"}
    put_config(registry, "demo/text", {"config": {"Labels": labels}}, tag="1")
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/text:1"))
        assert catalog.sql("SELECT labels FROM images")["labels"].tolist() == [labels]


def test_lone_surrogates_become_escapes_and_raw_documents_keep_them(registry: SampleRegistry) -> None:
    labels = json.loads(r'{"\ud800": "\udfff", "\ud801": "two \ud83d", "fine": "\ud83d\udc0b"}')
    run = {"Labels": labels, "User": "\udc00", "Cmd": ["\ud800"]}
    put_config(registry, "demo/text", {"config": run}, tag="1")
    with ocinb.Catalog() as catalog:
        added = catalog.add([registry.reference("demo/text:1"), registry.reference("demo/hello")])
        assert added["outcome"].tolist() == ["added", "added"]
        [config] = records(catalog.sql('FROM configs WHERE "user" IS NOT NULL'))
    assert config["labels"] == {r"\ud800": r"\udfff", r"\ud801": r"two \ud83d", "fine": "\U0001f40b"}
    assert (config["user"], config["cmd"]) == (r"\udc00", [r"\ud800"])
    assert json.loads(config["raw"])["config"] == run
    assert sha256(config["raw"]) == config["config_digest"]
    assert ocinb.configs(registry.reference("demo/text:1"))["labels"].tolist() == [labels], "the frame has them as is"


@pytest.mark.parametrize(
    ("config", "column", "value"),
    [
        ({}, "labels", {}),
        ({"Labels": {}}, "labels", {}),
        ({"Labels": None}, "labels", {}),
        ({"Env": []}, "env", {}),
        ({"Env": ["A", "B=", "C=1=2", "A=last"]}, "env", {"A": "last", "B": "", "C": "1=2"}),
        ({}, "entrypoint", None),
        ({"Entrypoint": []}, "entrypoint", []),
        ({"Cmd": None}, "cmd", None),
        ({"User": ""}, "user", None),
    ],
)
def test_what_is_not_there_is_unknown_and_never_empty_text(
    registry: SampleRegistry, config: dict[str, Any], column: str, value: object
) -> None:
    put_config(registry, "demo/text", {"config": config}, tag="1")
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/text:1"))
        answer = catalog.sql(f'SELECT "{column}", "{column}" IS NULL AS missing FROM configs')
    assert answer["missing"].tolist() == [value is None]
    assert value is None or answer[column].tolist() == [value]


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "yesterday", None])
def test_times_that_nobody_set_are_unknown(registry: SampleRegistry, created: str | None) -> None:
    put_config(registry, "demo/text", {"created": created}, tag="1")
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/text:1"))
        assert catalog.sql("SELECT created FROM images")["created"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("created", "told"),
    [
        ("2025-02-03T09:12:44.518624827Z", "2025-02-03T09:12:44.518624+00:00"),
        ("2025-02-03T00:12:44.9999999+05:30", "2025-02-02T18:42:44.999999+00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"),
        ("1600-01-01T00:00:00Z", "1600-01-01T00:00:00+00:00"),
    ],
)
def test_times_are_kept_in_utc(registry: SampleRegistry, created: str, told: str) -> None:
    put_config(registry, "demo/text", {"created": created}, tag="1")
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/text:1"))
        assert [time.isoformat() for time in catalog.sql("SELECT created FROM images")["created"]] == [told]


def test_a_hostile_name_that_fails_is_told(registry: SampleRegistry) -> None:
    names = ["\x1b[2J", "nul\x00", "lone \ud800", "'; DROP TABLE layers; --", "<script>"]
    with ocinb.Catalog() as catalog:
        added = catalog.add([*names, registry.reference("demo/hello")])
        failures = catalog.sql("FROM failures")
    assert added["outcome"].tolist() == ["failed"] * 5 + ["added"]
    assert added["reference"].tolist()[:5] == names
    assert failures["reference"].tolist() == [name.replace("\ud800", r"\ud800") for name in names]
    assert all(text.isprintable() for text in failures["error"])


def test_absurd_sizes_leave_the_other_answers_alone(registry: SampleRegistry) -> None:
    digest = registry.put_image("demo/absurd", [sized("a", 1), sized("b", 2)])
    document = json.loads(ocinb.document(registry.reference(f"demo/absurd@{digest}")).raw)
    for layer in document["layers"]:
        layer["size"] = 2**63 - 1
    for tag in ("1", "2", "3"):
        registry.put_manifest("demo/absurd", json.dumps(document | {"annotations": {"tag": tag}}).encode(), tag=tag)
    names = [registry.reference(f"demo/{name}") for name in ("absurd:1", "absurd:2", "absurd:3", "hello")]
    with ocinb.Catalog() as catalog:
        assert catalog.add(names)["outcome"].tolist() == ["added"] * 4
        sizes = catalog.sql("SELECT compressed_bytes FROM images ORDER BY compressed_bytes")
        saved = catalog.sql("SELECT images, saved_bytes FROM layer_sharing ORDER BY images")
    assert sizes["compressed_bytes"].isna().tolist() == [False, True, True, True]
    assert saved["images"].tolist() == [1, 3, 3]
    assert saved["saved_bytes"].isna().tolist() == [False, True, True], "no such number of bytes can be told"
