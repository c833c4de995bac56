"""A trail leads back to what was there before, however often it changed since."""

from __future__ import annotations

from ocinb.rootfs.overlay_state import Directory, Trail, forget_from


def test_a_directory_is_again_what_it_was_before_the_first_change() -> None:
    root, trail = Directory(None, "", -1, since=0), Trail(2, 0, 0)
    etc = Directory(root, "etc", 0, since=0)
    etc.children["passwd"] = 1
    for entry in (2, 3):
        trail.keep(etc)
        etc.owner = entry
        etc.children["passwd"] = entry
        etc.was = {"passwd": 1}
    trail.restore_directories()
    assert (etc.owner, etc.children, etc.was, etc.parent) == (0, {"passwd": 1}, None, root)


def test_a_row_that_was_cut_in_two_is_one_again() -> None:
    root, trail = Directory(None, "", -1, since=0), Trail(1, 0, 0)
    row = Directory(root, "a/b/c", 0, since=0)
    root.children["a"] = row
    trail.keep(row)
    trail.keep(root)
    root.children["a"] = row.split(1)
    assert row.path == "a/b/c"
    trail.restore_directories()
    assert (root.children, row.parent, row.first_name, row.path) == ({"a": row}, root, "a", "a/b/c")


def test_what_came_later_is_forgotten_from_the_end() -> None:
    known = {3: "kept", 1: "kept", 5: "gone", 7: "gone"}
    forget_from(5, known)
    assert known == {3: "kept", 1: "kept"}
    forget_from(0, known)
    assert known == {}
