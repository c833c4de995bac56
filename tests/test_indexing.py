"""Indexing reads a layer once, believes nothing that its digest does not say, and fails for one layer at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from ocinb import layer_index
from ocinb._settings import Settings, settings
from ocinb.archive.entries import Columns
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.layer_index import Layer, check_diff_id, index_layers
from ocinb.progress.protocol import State
from ocinb.samples.images import make_layer
from ocinb.samples.tars import Entry, directory, file, noise, prose
from ocinb.spec.digest import Digest
from ocinb.spec.documents import UNKNOWN_SIZE, Descriptor
from ocinb.storage.layer_tables import Table, Tables
from tests.archive.test_sparse import old as sparse_tar
from tests.transferring import Log, Place, describe, open_repository

BASE = [directory("etc"), file("etc/motd", "hello"), file("usr/bin/tool", noise("tool", 300_000), mode=0o755)]
SMALL = [file("srv/note", "a note")]
WORDS = [file("srv/words", prose("words", 200_000))]


def unchanged(entries: Columns) -> Columns:
    return entries


@dataclass
class Shelf:
    """A registry with layers, and the store into which they are read."""

    place: Place
    options: Settings

    def put(self, entries: Sequence[Entry] = BASE, *, compression: str = "gzip", diff_id: str | None = None) -> Layer:
        made = make_layer(entries, compression=compression)
        return self.wanted(self.place.put(made.raw), diff_id or made.diff_id)

    def put_raw(self, raw: bytes) -> Layer:
        return self.wanted(self.place.put(raw), None)

    def wanted(self, blob: Descriptor, diff_id: str | None) -> Layer:
        return Layer(blob, open_repository(self.place.registry), "demo/shop:2.0", diff_id)

    def read(self, *layers: Layer, errors: str = "raise", log: Log | None = None) -> dict[Digest, Table | OcinbError]:
        return index_layers(layers, self.place.layout, self.options, log or Log(), errors=errors, as_layer=unchanged)

    def table(self, layer: Layer) -> Table:
        result = self.read(layer)[layer.digest]
        assert isinstance(result, Table)
        return result

    def asked(self) -> int:
        return len(self.place.asked())

    def spoil(self, layer: Layer) -> None:
        """Change a byte of a blob in the store so that nobody sees it from outside."""
        path = self.place.layout.blobs.path(layer.digest)
        status, raw = path.stat(), bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        with path.open("r+b") as opened:
            opened.write(raw)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def shelf(place: Place) -> Shelf:
    return Shelf(place, replace(settings))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_layer_is_fetched_read_and_kept(shelf: Shelf, compression: str) -> None:
    made = make_layer(BASE, compression=compression)
    table = shelf.table(shelf.put(compression=compression))
    assert table.digest == made.digest
    assert table.diff_id == made.diff_id
    assert table.tar_bytes == len(make_layer(BASE, compression="none").raw)
    assert table.entries.path == ["etc", "etc/motd", "usr/bin/tool"]
    assert table.entries.type == ["directory", "file", "file"]
    assert table.entries.sha256[1] == hashlib.sha256(b"hello").digest()
    assert Tables(shelf.place.layout.root).find(made.digest) == table


def test_what_was_read_is_neither_fetched_nor_read_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = shelf.put()
    first = shelf.table(layer)
    shelf.place.layout.blobs.remove(layer.digest)
    asked, log = shelf.asked(), Log()
    monkeypatch.delattr(layer_index, "Scanner")
    assert shelf.read(layer, log=log) == {layer.digest: first}
    assert shelf.asked() == asked
    assert log.states == {layer.digest: [State.PRESENT]}


def test_another_tar_than_the_config_says_is_an_error_that_says_both(shelf: Shelf) -> None:
    said = Digest.of(b"another tar")
    layer = shelf.put(diff_id=said)
    for _ in range(2):  # the second time it is in a table
        with pytest.raises(IntegrityError) as caught:
            shelf.read(layer)
        assert said in str(caught.value)
        assert make_layer(BASE).diff_id in str(caught.value)
        assert str(caught.value).startswith("demo/shop:2.0: ")


def test_of_two_configs_only_one_of_which_is_right_the_layer_is_read(shelf: Shelf) -> None:
    right = shelf.put()
    wrong = replace(right, diff_id=Digest.of(b"another tar"), name="demo/other:1")
    for layers in ([right, wrong], [wrong, right]):
        done = shelf.read(*layers, errors="skip")
        table = done[right.digest]
        assert isinstance(table, Table)
        assert check_diff_id(right, table) is table
        with pytest.raises(IntegrityError, match="demo/other:1"):
            check_diff_id(wrong, table)
        assert isinstance(shelf.read(wrong, errors="skip")[wrong.digest], IntegrityError)
        with pytest.raises(IntegrityError, match="demo/other:1"):
            shelf.read(*layers)


def test_a_tar_is_hashed_as_the_config_says_it(shelf: Shelf) -> None:
    by_sha256 = shelf.put()
    tar = make_layer(BASE, compression="none").raw
    by_sha512 = replace(by_sha256, diff_id=Digest.of(tar, "sha512"))
    unsaid = replace(by_sha256, diff_id=None)
    for layer in (by_sha256, by_sha512, unsaid, by_sha512):
        assert shelf.table(layer).diff_id == (layer.diff_id or by_sha256.diff_id)


def test_one_layer_that_fails_is_its_own_error(shelf: Shelf) -> None:
    good, words = shelf.put(SMALL), shelf.put(WORDS)
    bad = shelf.put_raw(make_layer(BASE).raw[:-100])
    gone = shelf.wanted(describe(b"nobody has it"), None)
    unsaid = shelf.wanted(describe(b"nobody knows it", size=UNKNOWN_SIZE), None)
    log = Log()
    done = shelf.read(good, bad, gone, unsaid, words, errors="skip", log=log)
    kinds = [type(result) for result in done.values()]
    assert kinds == [Table, IntegrityError, NotFoundError, InvalidError, Table]
    for layer in (bad, gone, unsaid):
        error = done[layer.digest]
        assert isinstance(error, OcinbError)
        assert error.reference == "demo/shop:2.0"
        assert log.states[layer.digest][-1] is State.FAILED
    assert bad.digest in str(done[bad.digest])


@pytest.mark.parametrize("which", ["bad", "gone", "unsaid"])
def test_the_first_error_is_the_end_if_nobody_skips(shelf: Shelf, which: str) -> None:
    layers = {
        "bad": shelf.put_raw(make_layer(BASE).raw[:-100]),
        "gone": shelf.wanted(describe(b"nobody has it"), None),
        "unsaid": shelf.wanted(describe(b"nobody knows it", size=UNKNOWN_SIZE), None),
    }
    kinds = {"bad": IntegrityError, "gone": NotFoundError, "unsaid": InvalidError}
    with pytest.raises(kinds[which], match=r"demo/shop:2\.0"):
        shelf.read(shelf.put(SMALL), layers[which])


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_blob_that_was_damaged_in_the_store_is_fetched_anew(shelf: Shelf, compression: str) -> None:
    layer = shelf.put(compression=compression)
    shelf.place.fetch(layer.descriptor)
    shelf.spoil(layer)
    asked, log = shelf.asked(), Log()
    done = shelf.read(layer, log=log)
    assert done == {layer.digest: shelf.table(layer)}
    assert shelf.asked() == asked + 1
    assert log.states[layer.digest][-1] is State.DONE
    assert log.received[layer.digest] == layer.descriptor.size, "what was told of the damaged one is taken back"
    assert shelf.place.stands(layer.descriptor) == make_layer(BASE, compression=compression).raw


def test_a_blob_that_goes_while_it_is_wanted_is_fetched_anew(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = shelf.put()
    scan = layer_index._Indexing._scan

    def scan_later(self: layer_index._Indexing, layer: Layer) -> Table:
        monkeypatch.setattr(layer_index._Indexing, "_scan", scan)
        shelf.place.layout.blobs.remove(layer.digest)
        return scan(self, layer)

    monkeypatch.setattr(layer_index._Indexing, "_scan", scan_later)
    assert shelf.table(layer).diff_id == layer.diff_id


def test_a_layer_that_is_wrong_as_it_was_made_is_fetched_once(shelf: Shelf) -> None:
    layer = shelf.put_raw(make_layer(BASE).raw + b"more")
    with pytest.raises(IntegrityError):
        shelf.read(layer)
    assert shelf.asked() == 1
    assert shelf.place.layout.blobs.holds(layer.digest, layer.descriptor.size, full=True), "and it stays"
    assert Tables(shelf.place.layout.root).find(layer.digest) is None


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("max_unpacked_bytes", 1000), ("max_tar_entries", 2)],
)
def test_limits_are_those_of_the_settings(shelf: Shelf, setting: str, limit: int) -> None:
    layer = shelf.put()
    setattr(shelf.options, setting, limit)
    with pytest.raises(InvalidError, match=f"{setting} = {limit:,}"):
        shelf.read(layer)
    setattr(shelf.options, setting, limit * 1000)
    assert len(shelf.table(layer).entries) == 3


def test_holes_are_limited_as_the_settings_say(shelf: Shelf) -> None:
    layer = shelf.put_raw(sparse_tar([(512, 512), (2048, 100)], bytes(612), 5000))
    shelf.options.max_hole_bytes = 4387
    with pytest.raises(InvalidError, match="max_hole_bytes = 4,387"):
        shelf.read(layer)
    shelf.options.max_hole_bytes = 4388
    assert shelf.table(layer).entries.size_bytes == [5000]


def test_a_failure_takes_back_what_was_told(shelf: Shelf) -> None:
    layer = shelf.put_raw(make_layer(BASE).raw[:-100])
    shelf.place.fetch(layer.descriptor)
    log = Log()
    shelf.read(layer, errors="skip", log=log)
    assert log.received[layer.digest] == 0


def test_a_wrong_size_is_an_error_whatever_was_read_before(shelf: Shelf) -> None:
    layer = shelf.put()
    wrong = replace(layer, descriptor=replace(layer.descriptor, size=layer.descriptor.size + 1))
    shelf.table(layer)
    with pytest.raises(IntegrityError, match="bytes long"):
        shelf.read(wrong)


def test_an_empty_blob_is_a_tar_without_entries(shelf: Shelf) -> None:
    table = shelf.table(shelf.put_raw(b""))
    assert (len(table.entries), table.tar_bytes, table.diff_id) == (0, 0, Digest.of(b""))


def test_a_full_disk_is_the_error_of_the_layer(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = shelf.put()

    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("ocinb.storage.layer_tables._new_file", refuse)
    with pytest.raises(TransportError, match=r"demo/shop:2\.0.*the disk is full"):
        shelf.read(layer)
