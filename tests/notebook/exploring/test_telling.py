"""What is told of entries is what JSON has, and fit for eyes where it is for eyes."""

from __future__ import annotations

import json

from ocinb.notebook.explore.serialize import child_told, folder_told, moment, named, row_told, version_told
from ocinb.notebook.explore.views import NO_ROW
from ocinb.samples.tars import directory, file, symlink, whiteout
from tests.notebook.exploring.asking import explored

IMAGE = explored([[directory("a", mode=0o700, owner=5), file("a/x", "xxx"), file("b/y", "y")], [whiteout("a/x")]])


def test_a_path_is_told_twice() -> None:
    assert named("a/\x1bb") == {"path": "a/\x1bb", "shown": "a/\\x1bb", "name": "\\x1bb"}
    assert named("") == {"path": "", "shown": "", "name": "/"}


def test_times_that_no_calendar_has_are_none() -> None:
    assert moment(None) is moment(10**18) is moment(-(10**18)) is None
    assert moment(0) == "1970-01-01T00:00:00+00:00"


def test_a_directory_has_the_sums_of_what_is_below() -> None:
    view = IMAGE.view(0)
    told = row_told(IMAGE, view, view.rows_at("a").start)
    assert [told[key] for key in ("size_bytes", "files", "hidden_bytes", "mode", "uid")] == [3, 1, 3, 0o700, 5]
    assert told["has_children"] is True
    left = IMAGE.view(None)
    assert [folder_told(left, "a")[key] for key in ("size_bytes", "files", "has_children")] == [0, 0, False]


def test_a_folder_that_no_entry_stores_has_what_a_stored_one_has() -> None:
    view = IMAGE.view(0)
    stored, made = row_told(IMAGE, view, view.rows_at("a").start), child_told(IMAGE, view, "b", NO_ROW)
    assert stored.keys() == made.keys()
    assert (made["type"], made["size_bytes"], made["layer"], made["position"]) == ("directory", 1, None, None)


def test_a_file_has_what_a_folder_has() -> None:
    view = IMAGE.view(0)
    told = row_told(IMAGE, view, view.rows_at("a/x").start)
    assert told.keys() == row_told(IMAGE, view, view.rows_at("a").start).keys()
    assert (told["visible"], told["hidden_in"], told["reason"], told["change"]) == (False, 1, "deleted", "added")


def test_all_of_it_is_json() -> None:
    image = explored([[symlink("l", "\udcff\u202e"), file("x", "y")]])
    view = image.view(0)
    told = [row_told(image, view, row) for row in range(len(view))] + [version_told(image, (0, 0))]
    assert "\u202e" not in json.dumps(told, ensure_ascii=False, allow_nan=False).encode().decode()
