"""Whatever an image says, it goes into a catalogue, out of it into Parquet and back, unchanged, and does no harm."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import compress_layer
from ocinb.sources.session import close_default_session
from tests.catalog.making import descriptor, put_config, put_index
from tests.frames.facts import records
from tests.hostile import headers
from tests.hostile.headers import linked, member, named
from tests.hostile.layernames import ODD_NAMES

LONG = 1_000_000
TEXTS = [
    "'",
    '"',
    "''; DROP TABLE layers; --",
    "\"); ATTACH '/tmp/evil'; --",
    "$1 ? :name {0} %s ${HOME}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "nul\x00inside",
    "\x1b]0;title\x07\x1b[2J",
    "line\r\nbreak\u2028\u2029",
    "\u202egnp.exe",
    "\ufeff\ufffe\uffff",
    "lone \ud800 and \udfff",
    "back\\slash\\x41\\u0041",
    "NULL",
    "\U0001f40b" * 3,
    '{"a": [1, null]}',
    "'" * 1000,
    "x" * LONG,
]
# DuckDB takes no half of a character.
STORED = [text.encode("utf-8", "backslashreplace").decode() for text in TEXTS]
# What a name of a tar may be, and what the catalogue has of it: bytes that are no UTF-8 are escaped.
NAMES = {
    **ODD_NAMES,
    b"q'uo\"te`s": "q'uo\"te`s",
    b"'||(SELECT 1)||'": "'||(SELECT 1)||'",
    b"[a-z]*?{b}": "[a-z]*?{b}",
}
LONG_NAME = "/".join(["y" * 250] * 400)


@dataclass(frozen=True)
class Held:
    """One catalogue, and one that was made of what it exported."""

    written: ocinb.Catalog
    read_back: ocinb.Catalog
    directory: Path

    @property
    def both(self) -> tuple[ocinb.Catalog, ocinb.Catalog]:
        return self.written, self.read_back


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Add an image in which all of it stands, and export that to a folder of a name as odd; nobody changes it."""
    home = tmp_path_factory.mktemp("held")
    directory = home / 'it\'s "here"; DROP TABLE layers; --'
    with ocinb.Catalog() as catalog:
        with start_registry() as registry, pytest.MonkeyPatch.context() as patch:
            patch.setattr(ocinb.settings, "store_dir", home / "store")
            patch.setattr(ocinb.settings, "cache_dir", home / "cache")
            patch.setattr(ocinb.settings, "max_manifest_bytes", 16 * LONG)
            _put_evil(registry)
            added = catalog.add([registry.reference("demo/evil:1"), registry.reference("demo/hello")], depth="files")
            close_default_session()
        assert added["outcome"].tolist() == ["added", "added"], added["error"].tolist()
        catalog.export(directory)
        with ocinb.Catalog.from_parquet(directory) as again:
            yield Held(catalog, again, directory)


def _put_evil(registry: SampleRegistry) -> None:
    """Put an image in which all of it stands, under an index that says it too."""
    tar = headers.tar(
        *(member(raw, raw) for raw in NAMES),
        named(LONG_NAME.encode(), b"long"),
        *(linked(b"to%d" % place, raw) for place, raw in enumerate(NAMES)),
    )
    layer = compress_layer(tar, compression="none")
    run = {"Labels": dict(zip(TEXTS, TEXTS, strict=True)), "Env": [f"K{n}={text}" for n, text in enumerate(TEXTS)]}
    run |= {"Cmd": TEXTS, "Entrypoint": TEXTS, "User": TEXTS[2]}
    history = [{"created_by": "ADD it /"}, *({"created_by": f"#{text}#", "empty_layer": True} for text in TEXTS)]
    digest = put_config(registry, "demo/evil", {"config": run, "history": history}, layer, tag="lone")
    notes = {text: text for text in STORED if len(text) < LONG}
    put_index(registry, "demo/evil", [descriptor(registry, "demo/evil", digest, annotations=notes)], tag="1")


EVIL = "WHERE array_contains(map_keys(labels), 'NULL')"


def test_what_a_config_says_comes_out_as_it_was(held: Held) -> None:
    for catalog in held.both:
        [config] = records(catalog.sql(f"FROM configs {EVIL}"))
        assert config["labels"] == dict(zip(STORED, STORED, strict=True))
        assert config["env"] == {f"K{n}": text for n, text in enumerate(STORED)}
        assert config["cmd"] == config["entrypoint"] == STORED
        assert config["user"] == STORED[2]
        raw = config["raw"].encode()
        assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == config["config_digest"]
        assert list(json.loads(raw)["config"]["Labels"]) == TEXTS, "the document has what the columns cannot hold"


def test_what_a_history_and_an_index_say_comes_out_as_it_was(held: Held) -> None:
    for catalog in held.both:
        steps = catalog.sql(
            f"SELECT created_by FROM history JOIN manifests USING (manifest_digest) "
            f"SEMI JOIN (FROM configs {EVIL}) USING (config_digest) ORDER BY position"
        )
        assert steps["created_by"].tolist() == ["ADD it /", *(f"#{text}#" for text in STORED)]
        [entry] = records(catalog.sql("FROM index_entries WHERE cardinality(annotations) > 0 AND kind = 'image'"))
        assert entry["annotations"] == {text: text for text in STORED if len(text) < LONG}


def test_names_of_files_come_out_as_they_were(held: Held) -> None:
    wanted = {*NAMES.values(), LONG_NAME, *(f"to{place}" for place in range(len(NAMES)))}
    for catalog in held.both:
        rows = records(catalog.sql(f"FROM layer_files SEMI JOIN (FROM images {EVIL}) USING (manifest_digest)"))
        assert {row["path"] for row in rows} == wanted
        assert {row["link_target"] for row in rows if row["link_target"]} == set(NAMES.values())
        assert all(row["visible"] for row in rows)
        contents = {row["path"]: row["sha256"] for row in rows if row["sha256"]}
        assert contents == {
            **{text: hashlib.sha256(raw).hexdigest() for raw, text in NAMES.items()},
            LONG_NAME: hashlib.sha256(b"long").hexdigest(),
        }


def test_a_plain_duckdb_reads_the_same(held: Held) -> None:
    with duckdb.connect() as plain:
        tables = held.written.tables()
        for name in tables.loc[tables["kind"] == "table", "name"]:
            frame = held.written.sql(f'FROM "{name}"')
            read = plain.read_parquet(str(held.directory / f"{name}.parquet"))
            assert read.columns == list(frame.columns)
            assert len(read) == len(frame)
        files = plain.read_parquet(str(held.directory / "files.parquet")).project("path").fetchall()
    assert {*NAMES.values(), LONG_NAME} <= {path for (path,) in files}


def test_they_are_asked_for_as_values_and_do_nothing(held: Held) -> None:
    before = held.written.tables()
    for text in STORED:
        asked: list[Any] = [text]
        found = held.written.sql("SELECT count(*) AS n FROM images WHERE labels[?] IS NOT NULL", asked)
        assert found["n"].tolist() == [1]
        held.written.sql("FROM find(?)", asked)
    found = held.written.sql("FROM find(?)", ["'||(SELECT 1)||'"])
    assert found["path"].tolist() == ["'||(SELECT 1)||'"]
    assert held.written.tables().equals(before), "nothing came, and nothing went"
    assert held.read_back.tables()[["name", "rows"]].equals(before[["name", "rows"]])


def test_shown_as_html_nothing_of_it_is_markup(held: Held) -> None:
    for asked in (f"labels, env FROM configs {EVIL}", "created_by FROM history", "path FROM files"):
        shown = held.written.sql(f"SELECT {asked}").to_html(max_cols=None)
        assert "<script" not in shown
        assert "<img" not in shown
        assert "&lt;script&gt;" in shown
