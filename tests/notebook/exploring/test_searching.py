"""A search finds what a shell's glob would, and a word anywhere."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate

from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.explore.search import Search
from ocinb.samples.tars import directory, file, hardlink
from tests.notebook.exploring.asking import explored

PATHS = ["README.md", "etc/passwd", "etc/ssl/Cert.PEM", "srv/[x]/a.py", "srv/shop/app.py", "srv/shop/deploy.key"]
VIEW = explored([[file(path, path) for path in PATHS]]).view(None)


@given(st.text("ab./*?[]!-", min_size=1, max_size=7))
def test_a_glob_is_that_of_a_shell(pattern: str) -> None:
    paths = ["a", "b", "a.b", "a/b", "a/a.b", "b/a/b", "b-/a", "[a]"]
    view = explored([[file(path) for path in paths]]).view(None)
    wanted = pattern.removeprefix("./").lstrip("/") or pattern
    if translate(wanted) == translate("x").replace("x", re.escape(wanted)):
        expected = [path for path in view.paths if wanted in path]
    else:
        expected = [
            path
            for path in view.paths
            if fnmatchcase(path, wanted) or ("/" not in wanted and fnmatchcase(path.rpartition("/")[2], wanted))
        ]
    assert [view.paths[row] for row in Search(view, pattern).rows] == expected


def test_bytes_are_those_of_the_files_that_fit() -> None:
    view = explored([[directory("a"), file("a/x", "xxx"), hardlink("a/y", "a/x"), file("b", "bb")]]).view(None)
    search = Search(view, "a")
    assert search.total_bytes == 3
    assert [view.paths[row] for row in search.sorted("size")] == ["a", "a/x", "a/y"]
    assert [view.paths[row] for row in search.sorted("name")] == ["a", "a/x", "a/y"]
    assert Search(view, "b").total_bytes == 2
