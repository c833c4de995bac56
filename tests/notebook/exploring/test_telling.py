"""What is told of entries is what JSON has, and fit for eyes where it is for eyes."""

from __future__ import annotations

import json

from ocinb.notebook.explore.serialize import moment, row_told, version_told
from ocinb.samples.tars import directory, file, symlink, whiteout
from tests.notebook.exploring.asking import explored

IMAGE = explored([[directory("a", mode=0o700, owner=5), file("a/x", "xxx"), file("b/y", "y")], [whiteout("a/x")]])


def test_times_that_no_calendar_has_are_none() -> None:
    assert moment(None) is moment(10**18) is moment(-(10**18)) is None
    assert moment(0) == "1970-01-01T00:00:00+00:00"


def test_all_of_it_is_json() -> None:
    image = explored([[symlink("l", "\udcff\u202e"), file("x", "y")]])
    view = image.view(0)
    told = [row_told(image, view, row) for row in range(len(view))] + [version_told(image, (0, 0))]
    assert "\u202e" not in json.dumps(told, ensure_ascii=False, allow_nan=False).encode().decode()
