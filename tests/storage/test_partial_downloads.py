"""What is left of downloads is known by its owner, and goes, or gives up its end, only if he seems to be gone."""

from __future__ import annotations

from pathlib import Path

from ocinb.storage.blob_locks import lock_part
from ocinb.storage.partial_downloads import HOST, all_parts, list_arrived, remove_abandoned, shorten_abandoned
from tests.storage.leftparts import DIGEST, OTHER, SIZE, TOKEN, dead_pid, name_of, put


def test_where_nothing_was_left_nothing_is_listed(tmp_path: Path) -> None:
    root = tmp_path / "layout"
    assert (all_parts(root), list_arrived(root)) == ([], {})
    remove_abandoned(root, DIGEST)
    assert not root.exists()


def test_room_is_made_by_the_ends_of_what_broke_off_and_by_nothing_else(tmp_path: Path) -> None:
    dead = dead_pid()
    long = put(tmp_path, name_of(f"{HOST}.{dead}.{TOKEN}"), b"0123456789")
    short = put(tmp_path, name_of(f"{HOST}.{dead}.1{TOKEN[1:]}"), b"012345")
    theirs = put(tmp_path, name_of(f"elsewhere.1.{TOKEN}"), b"at work, perhaps")
    precious = tmp_path / "precious"
    precious.write_bytes(b"years of work, on one disk with all else")
    put(tmp_path, name_of(f"{HOST}.{dead}.2{TOKEN[1:]}")).unlink()
    (theirs.parent / name_of(f"{HOST}.{dead}.2{TOKEN[1:]}")).hardlink_to(precious)
    with lock_part(tmp_path, OTHER, SIZE) as part:
        part.file.write(b"at work, for sure, and long")
        part.file.flush()
        shorten_abandoned(tmp_path, 3)
        assert [path.read_bytes() for path in (long, short)] == [b"0123456", b"012345"]
        shorten_abandoned(tmp_path, 10)
        assert [path.read_bytes() for path in (long, short)] == [b"", b"012"]
        shorten_abandoned(tmp_path, 1000)
        assert [path.read_bytes() for path in (long, short)] == [b"", b""]
        assert part.path.read_bytes() == b"at work, for sure, and long"
    assert theirs.read_bytes() == b"at work, perhaps"
    assert precious.read_bytes() == b"years of work, on one disk with all else"
