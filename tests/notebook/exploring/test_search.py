"""A search finds what a shell's glob would, and a word anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase, translate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.archive.entries import DIRECTORY
from ocinb.notebook.explore.model import Scope
from ocinb.notebook.explore.search import HIDDEN, KINDS, Search
from ocinb.notebook.explore.views import CODES, View
from ocinb.rootfs.whiteouts import MARKERS
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.notebook.exploring.asking import explored
from tests.notebook.exploring.test_views import STACKS

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


STACK = [
    [directory("etc"), file("etc/passwd", "root"), file("etc/motd", "hi"), directory("opt"), file("tmp/x", "xxx")],
    [directory("etc"), file("etc/passwd", "more"), file("etc/shadow", "s"), directory("new"), whiteout("tmp/x")],
    [whiteout("etc/shadow"), opaque("new"), symlink("opt/l", "x")],
]
IMAGE = explored(STACK)


def _rows(scope: Scope) -> list[str]:
    """Give what is left, a slash behind each folder that is only a way."""
    view = IMAGE.scoped(scope)
    meant = view.matches if view.matches is not None else [True] * len(view)
    return [path if is_meant else f"{path}/" for path, is_meant in zip(view.paths, meant, strict=True)]


@pytest.mark.parametrize(
    ("layer", "kinds", "left"),
    [
        (1, ["added"], ["etc/", "etc/shadow", "new"]),
        (1, ["modified"], ["etc/", "etc/passwd"]),
        (1, ["deleted"], ["tmp/x"]),
        (1, ["hidden"], ["etc/", "etc/shadow"]),
        (1, ["deleted", "modified"], ["etc/", "etc/passwd", "tmp/x"]),
        (2, ["modified"], []),
        (None, ["modified"], ["etc/", "etc/passwd"]),
        (None, ["added"], ["etc/", "etc/motd", "opt/", "opt/l"]),
        (None, ["deleted"], []),
        (None, ["hidden"], ["etc/", "etc/passwd", "etc/shadow", "tmp/x"]),
        (None, ["hidden", "modified"], ["etc/", "etc/passwd", "etc/passwd", "etc/shadow", "tmp/x"]),
    ],
)
def test_what_is_left(layer: int | None, kinds: Collection[str], left: list[str]) -> None:
    scope = Scope(layer, frozenset(kinds))
    assert _rows(scope) == left
    found = IMAGE.search(scope, "*")
    view = IMAGE.scoped(scope)
    assert [view.paths[row] for row in found.rows] == [path for path in left if not path.endswith("/")]


def test_a_link_is_hidden_too_and_a_search_has_its_capitals() -> None:
    image = explored([[file("A/x", "x"), hardlink("b", "A/x"), symlink("l", "b")], [whiteout("l"), whiteout("A")]])
    view = image.scoped(Scope(None, kinds=frozenset({HIDDEN})))
    assert view.paths == ["A/x", "l"]
    search = image.search(Scope(0, kinds=frozenset({HIDDEN})), "A")
    assert search.rows.size == 1, "the folder is a way alone"


def _is_of(view: View, row: int, kind: str) -> bool:
    return bool(view.marks.unseen[row]) if kind == HIDDEN else view.marks.changes[row] == CODES[kind]


@settings(max_examples=100)
@given(STACKS, st.sets(st.sampled_from(KINDS), min_size=1))
def test_nothing_that_is_meant_is_left_out_and_every_way_leads_to_some(
    stack: list[list[Entry]], kinds: set[str]
) -> None:
    image = explored(stack)
    for layer in range(len(stack)):
        whole = image.scoped(Scope(layer))
        part = image.scoped(Scope(layer, frozenset(kinds)))
        assert part.matches is not None
        meant = {
            (path, kind)
            for row, (path, kind) in enumerate(zip(whole.paths, whole.types, strict=True))
            if kind != DIRECTORY and any(_is_of(whole, row, one) for one in kinds)
        }
        left = set(zip(part.paths, part.types, strict=True))
        assert {(path, kind) for path, kind in left if kind != DIRECTORY} == meant
        for row in range(len(part)):
            if not part.matches[row]:
                assert part.types[row] == DIRECTORY
                assert part.matches[list(part.below(part.paths[row]))].any()
            if part.types[row] in MARKERS:
                assert "deleted" in kinds
