"""Whatever ends the adding of files, images are in the catalogue wholly or not at all; adding again completes it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import files_writer, ingest_files
from ocinb.catalog.indexed_files import insert_overlay
from ocinb.errors import TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.catalog.laying import check_files, put_stack
from tests.catalog.test_ingest_files import check_same, stack
from tests.scripts import Script

ADDER = """
import signal, sys, time, ocinb
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
catalog = ocinb.Catalog(sys.argv[1])
print("ready", flush=True)
try:
    catalog.add(sys.argv[2:], depth="files")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


# An image is whole if all its layers are, and what was laid stands there if anything has to.
BROKEN = {
    "images without a layer": """
        FROM manifests JOIN manifest_layers USING (manifest_digest) JOIN layers USING (layer_digest)
        WHERE manifests.indexed_at IS NOT NULL AND layers.indexed_at IS NULL
    """,
    "layers without their files": """
        FROM layers LEFT JOIN (
            SELECT layer_digest, count(*) FILTER (type = 'file') AS n, count(DISTINCT position) AS places,
                count(*) AS "all"
            FROM files GROUP BY ALL
        ) USING (layer_digest)
        WHERE (indexed_at IS NULL) <> (n IS NULL) OR n <> layers.files OR places <> "all"
    """,
    "overlays without an image": """
        FROM overlay ANTI JOIN (FROM manifests WHERE indexed_at IS NOT NULL) USING (manifest_digest)
    """,
    "overlays that stand twice": "SELECT 1 FROM overlay GROUP BY manifest_digest, layer, position HAVING count(*) > 1",
}


def put_many(registry: SampleRegistry, count: int) -> list[str]:
    """Put images of a common base, a layer of their own, and one that deletes something."""
    base, top = stack()
    return [
        put_stack(registry, [base, make_layer([file(f"own/{one}", str(one))]), top], f"v{one}") for one in range(count)
    ]


def check_whole(path: Path) -> int:
    """Find each image whole, and say how many have files."""
    with ocinb.Catalog(path)._connections.connect() as opened:  # one, since to open a file takes its time
        for what, query in BROKEN.items():
            assert not opened.execute(query).fetchall(), what
        return len(opened.execute("FROM manifests WHERE indexed_at IS NOT NULL").fetchall())


def adding(tmp_path: Path, path: Path, names: list[str]) -> Script:
    own = {f"OCINB_{kind.upper()}_DIR": str(tmp_path / f"other-{kind}") for kind in ("store", "cache")}
    started = Script(ADDER, path, *names, env=own | {"OCINB_TIMEOUT": "600"})
    assert started.line() == "ready"
    return started


STEPS = ["insert_files", "note_read", "insert_overlay", "_run"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, duckdb.ConversionException])
def test_a_step_that_fails_leaves_nothing_of_the_image(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: type[BaseException]
) -> None:
    path, [first, second] = tmp_path / "kept.duckdb", put_many(registry, 2)
    catalog = ocinb.Catalog(path)
    catalog.add(first, depth="files")
    before = len(catalog.sql("FROM files")), len(catalog.sql("FROM overlay"))

    def failing(*_: Any, **__: Any) -> Any:
        raise error("no")

    monkeypatch.setattr(files_writer, step, failing)
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            catalog.add(second, depth="files")
    else:
        assert catalog.add(second, depth="files")["outcome"].tolist() == ["failed"]
    monkeypatch.undo()
    assert check_whole(path) == 1
    assert (len(catalog.sql("FROM files")), len(catalog.sql("FROM overlay"))) == before
    assert catalog.add(second, depth="files")["outcome"].tolist() == ["added"]
    assert check_whole(path) == 2
    check_files(catalog, second)


def test_a_full_disk_ends_the_call_and_leaves_what_is_whole(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, names = tmp_path / "kept.duckdb", put_many(registry, 4)
    catalog, real, written = ocinb.Catalog(path), insert_overlay, [0]

    def failing(*given: Any) -> None:
        written[0] += 1
        if written[0] > 2:
            raise duckdb.IOException("Could not write: No space left on device")
        real(*given)

    monkeypatch.setattr(ingest_files, "MOST_WAITING", 1)
    monkeypatch.setattr(files_writer, "insert_overlay", failing)
    with pytest.raises(TransportError, match="No space left"):
        catalog.add(names, depth="files")
    monkeypatch.undo()
    assert check_whole(path) == 2
    assert sorted(catalog.add(names, depth="files")["outcome"]) == ["added", "added", "present", "present"]
    assert check_whole(path) == 4


def test_a_process_that_is_killed_leaves_whole_images(registry: SampleRegistry, tmp_path: Path) -> None:
    path, names = tmp_path / "killed.duckdb", put_many(registry, 40)
    found = [0]
    for pause in (0.3, 0.45, 0.6, 0.8, 1.1):
        with adding(tmp_path, path, names):
            time.sleep(pause)
        found.append(check_whole(path))
    assert found == sorted(found)
    catalog = ocinb.Catalog(path)
    assert "failed" not in set(catalog.add(names, depth="files")["outcome"])
    assert check_whole(path) == 40
    with ocinb.Catalog() as anew:
        anew.add(names, depth="files")
        check_same(catalog, anew)
