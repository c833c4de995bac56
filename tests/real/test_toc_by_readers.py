"""An eStargz that was made by code: a second reader of its table, bsdtar and GNU tar find what `files` says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from tests.real.dockerregistry import DockerRegistry
from tests.real.lazyimages import CLOCK, PACKINGS, Lazy, push
from tests.real.secondreader import Row, read_estargz, read_table
from tests.real.tarlists import listed
from tests.real.tools import run
from tests.real.trees import facts_of, text_of

pytestmark = pytest.mark.real

NO_ROWS = {".no.prefetch.landmark", "stargz.index.json"}
TYPES = {"reg": "file", "dir": "directory", "symlink": "symlink", "hardlink": "hardlink"}
ESCAPED = re.compile(rb"\\([0-7]{3})")


@pytest.fixture(scope="module", params=PACKINGS)
def lazy(request: pytest.FixtureRequest, docker_registry: DockerRegistry) -> Lazy:
    return push(docker_registry, request.param)


def rows_of(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """Give what `files` says, with the names of the markers as they stand in the tar."""
    names = {
        "whiteout": lambda path: re.sub(r"([^/]+)$", r".wh.\1", path),
        "opaque": lambda path: f"{path}/.wh..wh..opq",
    }
    seconds = frame["mtime"].map(lambda time: int(time.timestamp()))
    paths = [names.get(kind, str)(path) for kind, path in zip(frame["type"], frame["path"], strict=True)]
    kinds = frame["type"].replace(["whiteout", "opaque"], "file")
    columns = [kinds, frame["mode"], frame["uid"], frame["gid"], seconds, frame["size_bytes"]]
    return list(zip(paths, *columns, frame["link_target"].fillna(""), frame["sha256"].fillna(""), strict=True))


def row_of(row: Row) -> tuple[object, ...]:
    marker = row.name.rpartition("/")[2].startswith(".wh.")
    digest = "" if row.sha256 is None or marker else row.sha256
    kind = TYPES[row.type]
    return (row.name, kind, row.mode, row.uid, row.gid, row.mtime, len(row.content), row.target, digest)


def test_a_second_reader_finds_the_rows_of_files(lazy: Lazy) -> None:
    theirs = [row_of(row) for row in read_estargz(lazy.raw, lazy.table_digest)]
    assert rows_of(ocinb.files(lazy.reference)) == theirs
    assert {row[1] for row in theirs} == set(TYPES.values())
    assert {row[5] for row in theirs} == {CLOCK}
    assert (b'"type": "chunk"' in read_table(lazy.raw)) == (lazy.reference.endswith(":chunks"))
    assert (b'"innerOffset"' in read_table(lazy.raw)) == (lazy.reference.endswith(":members"))


def test_a_second_reader_reads_what_read_reads(lazy: Lazy) -> None:
    files = [row for row in read_estargz(lazy.raw, lazy.table_digest) if row.type == "reg" and ".wh." not in row.name]
    largest = sorted(files, key=lambda row: len(row.content))[-3:]
    for row in [*files[:: len(files) // 5 + 1], *largest]:
        assert ocinb.read(lazy.reference, row.name) == row.content
    stored = ocinb.settings.store_dir / "blobs/sha256" / lazy.image.layers[0].digest.hex
    assert not stored.exists(), "and it was never fetched as a whole"


def test_gnu_tar_lists_the_rows_of_files(lazy: Lazy, tmp_path: Path) -> None:
    packed = tmp_path / "layer.tar.gz"
    packed.write_bytes(lazy.raw)
    theirs = [
        (path, facts) for path, facts in listed(run("gzip", "--decompress", "--stdout", packed)) if path not in NO_ROWS
    ]
    ours = [(path, facts._replace(sha256=None)) for path, facts in facts_of(ocinb.files(lazy.reference))]
    assert ours == theirs


def test_bsdtar_makes_the_digests_of_files(lazy: Lazy, tmp_path: Path) -> None:
    packed = tmp_path / "layer.tar.gz"
    packed.write_bytes(lazy.raw)
    said = run("bsdtar", "-cf", "-", "--format=mtree", "--options=!all,type,mode,size,sha256", f"@{packed}")
    theirs = dict(map(mtree_line, said.splitlines()[1:]))
    frame = ocinb.files(lazy.reference)
    files = frame[frame["type"] == "file"]
    columns = zip(files["path"], files["mode"], files["size_bytes"], files["sha256"], strict=True)
    ours = {
        path: {"type": "file", "mode": f"{mode:o}", "size": str(size), "sha256digest": digest}
        for path, mode, size, digest in columns
    }
    assert ours == {path: theirs[path] for path in ours}
    digests = {path for path, words in theirs.items() if "sha256digest" in words and ".wh." not in path}
    assert digests - NO_ROWS == ours.keys()


def mtree_line(line: bytes) -> tuple[str, dict[str, str]]:
    """Read a line of mtree: a name with octal escapes, and words."""
    name, *words = line.split(b" ")
    plain = ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), name.removeprefix(b"./"))
    return text_of(plain), dict(word.decode().partition("=")[::2] for word in words)
