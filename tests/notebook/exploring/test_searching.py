"""A search finds what a shell's glob would, and a word anywhere."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.notebook.explore.model import Scope
from ocinb.notebook.explore.search import Search
from ocinb.samples.tars import directory, file, hardlink
from tests.notebook.exploring.asking import explored

PATHS = ["README.md", "etc/passwd", "etc/ssl/Cert.PEM", "srv/[x]/a.py", "srv/shop/app.py", "srv/shop/deploy.key"]
VIEW = explored([[file(path, path) for path in PATHS]]).view(None)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["srv/[x]/a.py", "srv/shop/app.py"]),
        ("deploy.*", ["srv/shop/deploy.key"]),
        ("/srv/*.py", ["srv/[x]/a.py", "srv/shop/app.py"]),
        ("./etc/*", ["etc/passwd", "etc/ssl/Cert.PEM"]),
        ("shop/*", []),
        ("*/shop/*", ["srv/shop/app.py", "srv/shop/deploy.key"]),
        ("?.py", ["srv/[x]/a.py"]),
        ("[bc]ert.*", ["etc/ssl/Cert.PEM"]),
        ("[!c]*.key", ["srv/shop/deploy.key"]),
        ("shop", ["srv/shop/app.py", "srv/shop/deploy.key"]),
        ("/etc/pass", ["etc/passwd"]),
        ("readme", ["README.md"]),
        ("*.pem", ["etc/ssl/Cert.PEM"]),
        ("README", ["README.md"]),
        ("Readme", ["README.md"]),
        ("*.Pem", ["etc/ssl/Cert.PEM"]),
        ("RE*", ["README.md"]),
        ("SHOP", ["srv/shop/app.py", "srv/shop/deploy.key"]),
        ("[[]x]", []),
        ("*[[]x]*", ["srv/[x]/a.py"]),
        ("[x", ["srv/[x]/a.py"]),
        ("[", ["srv/[x]/a.py"]),
        ("*", PATHS),
        ("/", [path for path in PATHS if "/" in path]),
        ("none", []),
    ],
)
def test_patterns(pattern: str, found: list[str]) -> None:
    assert [VIEW.paths[row] for row in Search(VIEW, pattern).rows] == found


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


def test_a_pattern_may_be_too_long() -> None:
    with pytest.raises(InvalidError, match="the pattern has 1,001 characters"):
        Search(VIEW, "x" * 1001)


def test_what_was_searched_a_moment_ago_is_not_searched_again() -> None:
    image = explored([[file("a")]])
    first = image.search(Scope(None), "a")
    assert image.search(Scope(None), "a") is first
    for number in range(20):
        image.search(Scope(None), f"{number}")
    assert image.search(Scope(None), "a") is not first
