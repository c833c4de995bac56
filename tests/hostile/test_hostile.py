"""Whatever a registry does, the error is ours, no secret leaves for a stranger, and nothing wrong is kept.

The tables say what it does. For each row the servers write down all that they hear, all files are searched for secrets,
and the same question is asked again of an honest registry: had anything wrong been kept, the answer would show it.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sqlite3
import ssl
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from ocinb import errors
from ocinb._settings import settings
from ocinb.errors import OcinbError
from ocinb.network import dns
from ocinb.sources.session import close_default_session
from ocinb.spec.digest import Digest
from tests.hostile import bodies, documents, layerrows, leaks, lists, ranges, referring, tokens
from tests.hostile.layerrows import Ended, LayerRow
from tests.hostile.layertables import ROWS as ROWS_HOSTILE_LAYERS
from tests.hostile.outside import PUBLIC, PUBLIC_STRANGER, REGISTRY, STRANGER, Outside, made_up_names
from tests.hostile.outside import ROWS as ROWS_HOSTILE_OUTSIDE
from tests.hostile.rows import ACTS, Row
from tests.hostile.world import SECRET, USER, World, hostile_world
from tests.real.certificates import make_authority

ROWS = [*documents.ROWS, *bodies.ROWS, *ranges.ROWS, *leaks.ROWS, *lists.ROWS, *referring.ROWS, *tokens.ROWS]


@pytest.fixture
def world() -> Iterator[World]:
    with hostile_world() as running:
        yield running


def test_there_are_many_rows_and_no_two_of_one_name() -> None:
    assert len(ROWS) >= 80
    assert len({str(row) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hostile_exchange(row: Row, world: World, caplog: pytest.LogCaptureFixture) -> None:
    check_withstood(row, world, caplog)


def check_withstood(row: Row, world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Ask the question of the row, see how it ends, and that it left no harm behind."""
    caplog.set_level(logging.DEBUG)
    settings.credentials[world.host] = (USER, SECRET)
    usual = {name: getattr(settings, name) for name in {"retries", *row.settings}}
    settings.retries = 0
    for name, value in row.settings.items():
        setattr(settings, name, value)
    row.arrange(world)
    told = _ended(row, world)
    _no_stranger_got_a_secret(world)
    _no_secret_was_kept(world, told, caplog)
    _only_what_is_right_was_kept()
    world.heal()
    for name, value in usual.items():
        setattr(settings, name, value)
    close_default_session()  # tag_ttl is what believes an answer, not a connection
    if world.moved or row.error is None:
        settings.tag_ttl = 0
    after = ACTS[row.act](world)
    settings.store_dir, settings.cache_dir = settings.store_dir / "fresh", settings.cache_dir / "fresh"
    close_default_session()
    pd.testing.assert_frame_equal(after, ACTS[row.act](world))


def _ended(row: Row, world: World) -> str:
    if row.error is None:
        frame = ACTS[row.act](world)
        assert row.check(frame), frame
        return ""
    with pytest.raises(OcinbError) as caught:
        ACTS[row.act](world)
    error = caught.value
    assert _public_class(error) is row.error, error
    assert row.words in str(error)
    assert error.__cause__ is None
    assert str(error).isprintable()
    return f"{error} {error!r} {''.join(traceback.format_exception(error))}"


def _public_class(error: OcinbError) -> type:
    kind: type = getattr(errors, type(error).__name__)
    return kind


def _no_stranger_got_a_secret(world: World) -> None:
    assert world.registry.heard, "nobody asked anything"
    assert all(request.header("Authorization") is None for request in world.stranger.heard)
    assert all(request.header("Cookie") is None for request in world.stranger.heard)
    assert not [secret for secret in world.secrets() if secret in world.stranger.spoken_to]


def _no_secret_was_kept(world: World, told: str, caplog: pytest.LogCaptureFixture) -> None:
    ours = [f"{record.getMessage()} {record.args}" for record in caplog.records if record.name.startswith("ocinb")]
    shown = f"{told} {ours} {settings!r}".encode()
    kept = b"".join([*_files(settings.store_dir).values(), *_files(settings.cache_dir).values(), *_answers()])
    secrets = world.secrets()
    assert SECRET.encode() in secrets
    assert not [secret for secret in secrets if secret in kept or secret in shown]


def _only_what_is_right_was_kept() -> None:
    for path, raw in _files(settings.store_dir / "blobs").items():
        algorithm = path.parent.name
        assert Digest.of(raw, algorithm) == f"{algorithm}:{path.name}"


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _answers() -> Iterator[bytes]:
    """Give what is kept by name, with its bodies decoded."""
    path = settings.cache_dir / "responses.sqlite"
    if path.exists():
        with closing(sqlite3.connect(path)) as connection:
            for (value,) in connection.execute("SELECT value FROM responses"):
                answer = json.loads(value)
                yield json.dumps(answer).encode() + base64.b64decode(answer["_content"] or "")


def test_there_are_many_rows_and_no_two_of_one_name_of_hostile_layers() -> None:
    assert len(ROWS_HOSTILE_LAYERS) >= 100
    assert len({row.name for row in ROWS_HOSTILE_LAYERS}) == len(ROWS_HOSTILE_LAYERS)


@pytest.mark.parametrize("row", ROWS_HOSTILE_LAYERS, ids=str)
def test_a_hostile_layer(row: LayerRow, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for folder in ("work", "store", "cache"):
        (home / folder).mkdir(parents=True)
    child = layerrows.start(row, home)
    before = _elsewhere(home)
    ended: dict[str, Ended] = child.result()
    for function, one in ended.items():
        if function != "skipped":
            _assert_ended_rightly(row, function, one)
    assert ended["skipped"].error is None
    assert (ended["skipped"].rows == 1) == (row.error is not None), "the other image is told of"
    assert _elsewhere(home) == before
    _assert_only_what_is_right_was_kept(home / "store")


def _assert_ended_rightly(row: LayerRow, function: str, ended: Ended) -> None:
    told = f"{function}: {ended.error}: {ended.text[:500]}"
    if row.error is None:
        assert ended.error is None, told
        return
    assert ended.error is not None, f"{function} gave {ended.rows} rows"
    kind = getattr(errors, ended.error, None)
    assert kind is row.error, told
    assert row.words in ended.text, told
    assert ended.text.isprintable()
    assert len(ended.text) < 2000, "nobody's terminal is filled by a name"


def _elsewhere(home: Path) -> dict[str, int]:
    """Give what stands anywhere but in the store and the cache, with sizes."""
    return {
        os.fsdecode(path): path.lstat().st_size
        for path in home.parent.rglob("*")
        if not path.is_relative_to(home / "store") and not path.is_relative_to(home / "cache")
    }


def _assert_only_what_is_right_was_kept(store: Path) -> None:
    for path in (store / "blobs").rglob("*"):
        if path.is_file():
            assert Digest.of(path.read_bytes(), path.parent.name) == f"{path.parent.name}:{path.name}"
    names = {path.relative_to(store).parts[0] for path in store.rglob("*")}
    assert names <= {".ocinb", "blobs", "index", "index.json", "oci-layout"}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    files = authority.issue(REGISTRY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["certificate"], files["key"])
    return authority.bundle, context


@pytest.fixture
def outside(certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Outside]]:
    settings.ca_bundle, context = certified
    with hostile_world(context) as world:
        ports = [int(server.host.rpartition(":")[2]) for server in (world.registry, world.stranger)]
        network = Outside(dict(zip((PUBLIC, PUBLIC_STRANGER), ports, strict=True)), made_up_names())
        monkeypatch.setattr(dns, "network", network)
        world.registry.host, world.stranger.host = f"{REGISTRY}:{ports[0]}", f"{STRANGER}:{ports[1]}"
        world.issuer.realm = f"{world.registry.base}/token"
        yield world, network


@pytest.mark.parametrize("row", ROWS_HOSTILE_OUTSIDE, ids=str)
def test_nobody_is_led_home(row: Row, outside: tuple[World, Outside], caplog: pytest.LogCaptureFixture) -> None:
    world, network = outside
    check_withstood(row, world, caplog)
    assert PUBLIC in network.called
    assert set(network.called) <= {PUBLIC, PUBLIC_STRANGER}
