"""Image layouts: which image a name means, and what is no layout."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import socket
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.samples.catalog import nested_index
from ocinb.samples.images import Manifest, make_index
from ocinb.samples.tars import noise
from ocinb.sources.file_reader import Content, open_file, whole
from ocinb.sources.layout import parse_entries
from ocinb.sources.session import default_session, open_source
from ocinb.sources.tar_index import unpacked
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.localfiles import (
    Member,
    all_blobs,
    entry,
    layout_files,
    legacy_archive,
    members_of,
    tar_bytes,
    tiny_image,
    write_files,
    write_layout,
)

ONE, TWO, THREE = tiny_image("one"), tiny_image("two"), tiny_image("three")
BOTH = make_index([(image.manifest, image.descriptor()) for image in (ONE, TWO)])


def resolve(reference: str) -> Descriptor:
    parsed = Reference(reference)
    return open_source(parsed, session=default_session()).resolve(parsed.wanted)


def write(folder: Path, entries: list[dict[str, Any]], *manifests: Manifest) -> Path:
    return write_files(folder, layout_files(manifests or (BOTH, THREE.manifest), entries))


@pytest.mark.parametrize(
    ("wanted", "suggested"),
    [("two:2", "docker.io/library/two:2"), ("docker.io/libary/two:2", "docker.io/library/two:2"), ("1.00", "1.0")],
)
def test_a_name_that_is_nearly_one_is_suggested(tmp_path: Path, wanted: str, suggested: str) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest, "docker.io/library/two:2": TWO.manifest})
    with pytest.raises(NotFoundError) as caught:
        resolve(f"oci:{tmp_path}:{wanted}")
    assert caught.value.hint == f"Did you mean oci:{tmp_path}:{suggested}?"
    assert resolve(f"oci:{tmp_path}:{suggested}").digest in {ONE.manifest.digest, TWO.manifest.digest}


def test_without_a_name_one_of_several_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, [entry(ONE.manifest, "1.0"), entry(TWO.manifest), entry(BOTH), entry(THREE.manifest, "3.0")])
    with pytest.raises(NotFoundError) as caught:
        resolve(f"oci:{tmp_path}")
    expected = f"there are 4 images in oci:{tmp_path}. Name one, oci:{tmp_path}:NAME; there are: 1.0, @1, @2, 3.0"
    assert str(caught.value) == expected
    assert resolve(f"oci:{tmp_path}:@1").digest == TWO.manifest.digest
    assert resolve(f"oci:{tmp_path}:@2").digest == BOTH.digest
    with pytest.raises(NotFoundError, match=r"there is no image at @4 in .*The last one is @3"):
        resolve(f"oci:{tmp_path}:@4")


def test_of_many_names_some_are_told(tmp_path: Path) -> None:
    write(
        tmp_path, [entry(image, f"name-{number}") for number in range(30) for image in (ONE.manifest, THREE.manifest)]
    )
    with pytest.raises(NotFoundError, match=r"name-19 and 10 more$"):
        resolve(f"oci:{tmp_path}")


def test_nested_indexes_are_read_to_the_ground(tmp_path: Path) -> None:
    nested = nested_index()
    write_layout(tmp_path, {"nested": nested})
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    waiting, seen = [source.resolve("nested")], 0
    while waiting:
        document = source.document(waiting.pop())
        seen += 1
        listed = json.loads(document.raw).get("manifests", [])
        waiting += [Descriptor(one["mediaType"], source.head(one["digest"]), one["size"]) for one in listed]
    assert seen == 5


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is no image layout: it has no file 'oci-layout'"),
        ({"index.json": b'{"schemaVersion": 2, "manifests": []}'}, "it has no file 'oci-layout'"),
        ({"manifest.json": b"[]"}, "It is an archive of docker save that was unpacked"),
        ({"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}, "it has no file 'index.json'"),
        (
            {"oci-layout": b'{"imageLayoutVersion": "2.0.0"}'},
            "an image layout of version '2.0.0'. Version 1.0.0 is read",
        ),
        ({"oci-layout": b"{}"}, "an image layout of version None"),
        ({"oci-layout": b""}, "'oci-layout' of oci:.* is not valid JSON"),
        ({"oci-layout": b'{"imageLayoutVersion": 1}'}, "has to be a text, not a number"),
    ],
)
def test_what_is_no_layout_says_what_is_missing(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    write_files(tmp_path, files)
    with pytest.raises(InvalidError, match=message):
        resolve(f"oci:{tmp_path}")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"schemaVersion": 2, "manifests": {}}', "has to be a list, not an object"),
        (b'{"schemaVersion": 2, "manifests": [], "manifests": []}', "the key 'manifests' stands twice"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', "an index and a manifest at once"),
        (b'{"schemaVersion": 2, "manifests": [{}]}', "needs mediaType, digest and size"),
        (b'{"schemaVersion": 2, "manifests": [{"mediaType": "a", "digest": "../../etc", "size": 1}]}', "not a digest"),
    ],
)
def test_an_index_that_is_none_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        parse_entries(raw, "oci:folder")


def test_a_folder_that_is_not_there_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=f"there is no folder {tmp_path}/nowhere"):
        resolve(f"oci:{tmp_path}/nowhere:1")
    (tmp_path / "file.tar").write_bytes(b"")
    with pytest.raises(InvalidError) as caught:
        resolve(f"oci:{tmp_path}/file.tar")
    assert caught.value.hint == f"Did you mean oci-archive:{tmp_path}/file.tar or docker-archive:{tmp_path}/file.tar?"


def test_a_folder_of_skopeos_dir_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, {"version": b"Directory Transport Version: 1.1\n", "manifest.json": b"{}"})
    with pytest.raises(InvalidError) as caught:
        resolve(f"oci:{tmp_path}")
    assert caught.value.hint is not None
    assert f"skopeo copy dir:{tmp_path} oci:FOLDER" in caught.value.hint


def _as_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real").name)


def _as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener, chdir(path.parent):  # its whole path may be too long
        listener.bind(path.name[:20])
    (path.parent / path.name[:20]).rename(path)


@pytest.mark.parametrize("change", [_as_link, _as_fifo, _as_folder, _as_socket])
@pytest.mark.parametrize("name", ["oci-layout", "index.json", "blob"])
def test_only_regular_files_are_read(tmp_path: Path, change: Any, name: str) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest})
    change(tmp_path / (f"blobs/sha256/{ONE.manifest.digest.hex}" if name == "blob" else name))
    with pytest.raises(InvalidError, match=r"is a (symbolic link|fifo|folder|socket). Only regular files are read"):
        document_of(tmp_path)


def document_of(folder: Path) -> bytes:
    source = open_source(Reference(f"oci:{folder}"), session=default_session())
    return source.document(source.resolve("1.0")).raw


@contextmanager
def nobody() -> Iterator[Path]:
    """Give a folder whose files can be forbidden, also where the tests are root's, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        write_layout(Path(folder), {"1.0": ONE.manifest})
        before = os.geteuid()
        try:
            if before == 0:
                os.seteuid(65534)
            yield Path(folder)
        finally:
            os.seteuid(before)


@pytest.mark.parametrize("name", ["oci-layout", "index.json", f"blobs/sha256/{ONE.manifest.digest.hex}", "."])
def test_what_may_not_be_read_says_so(name: str) -> None:
    with nobody() as folder:
        euid = os.geteuid()
        os.seteuid(os.getuid())
        (folder / name).chmod(0)
        os.seteuid(euid)
        with pytest.raises(TransportError, match=r"cannot be read: Permission denied\. Are you allowed to read it\?"):
            document_of(folder)


ONE_ARCHIVES, TWO_ARCHIVES = tiny_image("one", "more"), tiny_image("two", platform="linux/arm64")
BOTH = make_index([(image.manifest, image.descriptor()) for image in (ONE_ARCHIVES, TWO_ARCHIVES)])
FILES = layout_files([BOTH], [entry(BOTH, "all"), entry(ONE_ARCHIVES.manifest, "1.0")])


def write_of_archives(path: Path, members: list[Member], pack: Callable[[bytes], bytes] = bytes) -> str:
    path.write_bytes(pack(tar_bytes(members)))
    return f"oci-archive:{path}"


def read_all(reference: str) -> dict[str, bytes]:
    """Read an image with all its blobs through the source, each verified."""
    parsed = Reference(reference)
    source = open_source(parsed, session=default_session())
    named = source.document(source.resolve(parsed.wanted))
    read = {named.digest.hex: named.raw}
    for digest, raw in all_blobs(BOTH).items():
        blob = Descriptor("application/octet-stream", source.head(f"sha256:{digest}"), len(raw))
        with source.open_blob(blob) as stream:
            read[digest] = b"".join(stream.chunks())
    return read


def _prefixed(prefix: str) -> list[Member]:
    return members_of({f"{prefix}{name}": raw for name, raw in FILES.items()})


def _with_hard_links() -> list[Member]:
    """Pack as tar does it with a folder in which equal blobs are hard links of one another."""
    plain = [member for member in members_of(FILES) if not member.name.startswith("blobs/")]
    blobs = [member for member in members_of(FILES) if member.name.startswith("blobs/")]
    moved = [Member(f"shared/{place}", member.raw) for place, member in enumerate(blobs)]
    links = [Member(member.name, type=tarfile.LNKTYPE, target=f"shared/{place}") for place, member in enumerate(blobs)]
    return [*plain, *moved, *links]


@pytest.mark.parametrize(
    ("members", "pack"),
    [
        (members_of(FILES), bytes),
        (members_of(FILES), gzip.compress),
        (members_of(dict(reversed(FILES.items()))), bytes),
        ([Member("./", type=tarfile.DIRTYPE), Member("./blobs", type=tarfile.DIRTYPE), *_prefixed("./")], bytes),
        (_prefixed("/"), bytes),
        (_with_hard_links(), bytes),
        ([*members_of(FILES), Member("../../../tmp/evil", b"evil"), Member("notes.txt", b"hello")], bytes),
        ([*members_of(FILES), *(member for member in members_of(FILES) if "/" in member.name)], bytes),
    ],
    ids=["plain", "gzip", "reversed", "with ./", "absolute", "hard links", "foreign members", "blobs twice"],
)
def test_all_of_a_layout_is_read(tmp_path: Path, members: list[Member], pack: Callable[[bytes], bytes]) -> None:
    reference = write_of_archives(tmp_path / "a.tar", members, pack)
    before = sorted(tmp_path.rglob("*"))
    assert read_all(f"{reference}:all") == all_blobs(BOTH)
    assert open_source(Reference(reference), session=default_session()).tags() == ["all", "1.0"]
    assert sorted(tmp_path.rglob("*")) == before, "nothing is extracted"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            legacy_archive([(ONE_ARCHIVES, ["app:1"])]),
            "no image layout: it has no file 'oci-layout'. Did you mean docker-archive:",
        ),
        ([Member("etc/passwd", b"root")], "no image layout: it has no file 'oci-layout'"),
        ([member for member in members_of(FILES) if member.name != "index.json"], "it has no file 'index.json'"),
        ([*members_of(FILES), Member("index.json", b"{}")], "has 'index.json' twice. Nobody can say which one counts"),
        ([*members_of(FILES), Member("./oci-layout", b"{}")], "has 'oci-layout' twice"),
        (_prefixed("layout/"), "it has no file 'oci-layout'"),
        (
            [Member("oci-layout", type=tarfile.SYMTYPE, target="/etc/passwd"), *members_of(FILES)[1:]],
            "'oci-layout' in .* is a link that leads to '/etc/passwd', which is not there",
        ),
    ],
    ids=["docker's", "others'", "no index", "two indexes", "two markers", "a folder above", "link outside"],
)
def test_what_is_no_layout_is_refused(tmp_path: Path, members: list[Member], message: str) -> None:
    reference = write_of_archives(tmp_path / "a.tar", members)
    with pytest.raises(InvalidError, match=message):
        open_source(Reference(reference), session=default_session())


@pytest.mark.parametrize("raw", [b"", b"text", gzip.compress(b"", mtime=0), gzip.compress(b"text", mtime=0)])
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_what_is_no_archive_is_refused(tmp_path: Path, transport: str, raw: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(raw)
    with pytest.raises(InvalidError, match=rf"{transport}:.*a\.tar is (no tar archive|empty)"):
        open_source(Reference(f"{transport}:{tmp_path}/a.tar"), session=default_session())


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path, transport: str) -> None:
    with pytest.raises(NotFoundError, match=f"there is no file {tmp_path}/a.tar"):
        open_source(Reference(f"{transport}:{tmp_path}/a.tar:1"), session=default_session())
    with pytest.raises(InvalidError, match=f"{tmp_path} is a folder, and no archive$"):
        open_source(Reference(f"{transport}:{tmp_path}"), session=default_session())
    write_layout(tmp_path, {"1.0": ONE_ARCHIVES.manifest})
    with pytest.raises(InvalidError, match=f"is a folder, and no archive. Did you mean oci:{tmp_path}"):
        open_source(Reference(f"{transport}:{tmp_path}"), session=default_session())
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InvalidError, match="is a fifo"):
        open_source(Reference(f"{transport}:{tmp_path}/fifo"), session=default_session())


@pytest.mark.parametrize(
    ("there", "typed", "hint"),
    [
        ("images", "oci:imges:1", "Did you mean 'images'?"),
        ("app.tar", "oci-archive:ap.tar", "Did you mean 'app.tar'?"),
        ("app", "docker-archive:other.tar", None),
        (
            "a:1.tar",
            "docker-archive:a:1.tar",
            "A path ends at its first colon; ln -s gives a folder or file another name",
        ),
        ("a", "oci:b/images", "There is no folder {}/b either"),
    ],
)
def test_of_a_path_that_is_not_there_something_like_it_is_told(
    tmp_path: Path, there: str, typed: str, hint: str | None
) -> None:
    (tmp_path / there).mkdir()
    transport, _, path = typed.partition(":")
    with pytest.raises(NotFoundError) as caught:
        open_source(Reference(f"{transport}:{tmp_path}/{path}"), session=default_session())
    assert caught.value.hint == (hint and hint.format(tmp_path))


def test_damaged_and_missing_blobs_are_told(tmp_path: Path) -> None:
    digest = ONE_ARCHIVES.manifest.digest
    files = dict(FILES) | {f"blobs/sha256/{digest.hex}": ONE_ARCHIVES.manifest.raw.replace(b"2", b"3", 1)}
    reference = write_of_archives(tmp_path / "a.tar", members_of(files))
    with pytest.raises(IntegrityError, match=digest):
        read_all(f"{reference}:1.0")
    del files[f"blobs/sha256/{digest.hex}"]
    reference = write_of_archives(tmp_path / "b.tar", members_of(files))
    with pytest.raises(NotFoundError, match=f"there is no blob {digest} in oci-archive:.*copy it again"):
        read_all(f"{reference}:1.0")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE])
def test_blobs_that_are_no_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = f"blobs/sha256/{ONE_ARCHIVES.manifest.digest.hex}"
    members = [Member(path, type=kind) if member.name == path else member for member in members_of(FILES)]
    with pytest.raises(InvalidError, match="is no regular file"):
        read_all(f"{write_of_archives(tmp_path / 'a.tar', members)}:1.0")


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW = noise("an archive", 300_000) + b"\0" * 3_000_000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def content_of(folder: Path, raw: bytes) -> Content:
    (folder / "a.tar").write_bytes(raw)
    return whole(open_file(folder / "a.tar", "a.tar"))


def bytes_of(content: Content) -> bytes:
    return b"".join(content.chunks())


@pytest.mark.parametrize("packer", PACKERS)
def test_several_streams_behind_one_another_are_one(tmp_path: Path, packer: str) -> None:
    pack = PACKERS[packer]
    assert bytes_of(unpacked(content_of(tmp_path, pack(RAW[:1000]) + pack(RAW[1000:])), Settings())) == RAW


def _flipped(raw: bytes) -> bytes:
    damaged = bytearray(raw)
    damaged[len(damaged) // 20] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize(
    ("packer", "damage", "told"),
    [
        *((packer, lambda raw: raw[:-10], "cut off") for packer in PACKERS),
        *((packer, lambda raw: raw[:10], "cut off") for packer in PACKERS),
        *((packer, lambda raw: raw + b"garbage", "damaged") for packer in PACKERS),
        # A frame of zstd need not have a checksum; digests tell of the rest.
        *((packer, _flipped, "damaged") for packer in PACKERS if packer != "zstd"),
    ],
)
def test_what_is_cut_off_or_damaged_is_refused(
    tmp_path: Path, packer: str, damage: Callable[[bytes], bytes], told: str
) -> None:
    with pytest.raises(InvalidError, match=rf"a\.tar is {told}: .*{packer} "):
        unpacked(content_of(tmp_path, damage(PACKERS[packer](RAW))), Settings())


@pytest.mark.parametrize("packer", PACKERS)
def test_limits_end_it_before_the_disk_is_full(tmp_path: Path, packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(tmp_path, PACKERS[packer](b"\0" * 3_000_000))
    assert unpacked(content, Settings(max_unpacked_bytes=3_000_000)).size == 3_000_000
    with pytest.raises(InvalidError, match=r"a\.tar is too large when it is unpacked: max_unpacked_bytes = 2,999,999"):
        unpacked(content, Settings(max_unpacked_bytes=2_999_999))
    assert unpacked(content, Settings(max_unpacked_ratio=1)).size == 3_000_000, "so little does no harm"
    monkeypatch.setattr("ocinb.archive.compression.HARMLESS_BYTES", 1_000_000)
    with pytest.raises(InvalidError, match=r"max_unpacked_ratio = 5. Set more in ocinb.settings if you trust it"):
        unpacked(content, Settings(max_unpacked_ratio=5))


def test_a_folder_for_temporary_files_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(TransportError, match=r"a\.tar cannot be unpacked: No such file or directory\. .*TMPDIR"):
        unpacked(content_of(tmp_path, gzip.compress(RAW)), Settings())
