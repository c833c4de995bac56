"""Layer tars hold what they are given, and nothing of the machine that made them."""

from __future__ import annotations

import io
import tarfile
import zlib

from ocinb.samples.tars import directory, file, hardlink, make_tar, noise, opaque, prose, whiteout, with_parents


def test_make_tar_keeps_entries_as_they_stand() -> None:
    raw = make_tar([file("b", b"x", mode=0o4711, owner=7), whiteout("a"), hardlink("c", "b"), opaque("d")], mtime=9)
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        found = [(m.name, m.type, m.mode, m.uid, m.gid, m.mtime, m.linkname, m.uname) for m in tar]
    assert found == [
        ("b", tarfile.REGTYPE, 0o4711, 7, 7, 9, "", ""),
        (".wh.a", tarfile.REGTYPE, 0o644, 0, 0, 9, "", ""),
        ("c", tarfile.LNKTYPE, 0o644, 0, 0, 9, "b", ""),
        ("d/.wh..wh..opq", tarfile.REGTYPE, 0o644, 0, 0, 9, "", ""),
    ]


def test_with_parents_leaves_given_directories_alone() -> None:
    entries = list(with_parents([directory("root", mode=0o700), file("root/x/y")]))
    assert [(entry.path, entry.mode) for entry in entries] == [("root", 0o700), ("root/x", 0o755), ("root/x/y", 0o644)]


def test_noise_does_not_compress_and_prose_does() -> None:
    assert len(zlib.compress(noise("x", 10_000))) > 10_000
    assert len(prose("x", 10_000)) == 10_000
    assert len(zlib.compress(prose("x", 10_000))) < 3_000
