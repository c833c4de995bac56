"""Archives of layouts: as the folder would be read, plain or compressed, and never by the paths in them."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.samples.images import make_index
from ocinb.sources.session import default_session, open_source
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
    write_layout,
)

ONE, TWO = tiny_image("one", "more"), tiny_image("two", platform="linux/arm64")
BOTH = make_index([(image.manifest, image.descriptor()) for image in (ONE, TWO)])
FILES = layout_files([BOTH], [entry(BOTH, "all"), entry(ONE.manifest, "1.0")])


def write(path: Path, members: list[Member], pack: Callable[[bytes], bytes] = bytes) -> str:
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
    reference = write(tmp_path / "a.tar", members, pack)
    before = sorted(tmp_path.rglob("*"))
    assert read_all(f"{reference}:all") == all_blobs(BOTH)
    assert open_source(Reference(reference), session=default_session()).tags() == ["all", "1.0"]
    assert sorted(tmp_path.rglob("*")) == before, "nothing is extracted"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            legacy_archive([(ONE, ["app:1"])]),
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
    reference = write(tmp_path / "a.tar", members)
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
    write_layout(tmp_path, {"1.0": ONE.manifest})
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
    digest = ONE.manifest.digest
    files = dict(FILES) | {f"blobs/sha256/{digest.hex}": ONE.manifest.raw.replace(b"2", b"3", 1)}
    reference = write(tmp_path / "a.tar", members_of(files))
    with pytest.raises(IntegrityError, match=digest):
        read_all(f"{reference}:1.0")
    del files[f"blobs/sha256/{digest.hex}"]
    reference = write(tmp_path / "b.tar", members_of(files))
    with pytest.raises(NotFoundError, match=f"there is no blob {digest} in oci-archive:.*copy it again"):
        read_all(f"{reference}:1.0")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE])
def test_blobs_that_are_no_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = f"blobs/sha256/{ONE.manifest.digest.hex}"
    members = [Member(path, type=kind) if member.name == path else member for member in members_of(FILES)]
    with pytest.raises(InvalidError, match="is no regular file"):
        read_all(f"{write(tmp_path / 'a.tar', members)}:1.0")
