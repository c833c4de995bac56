"""A path leads where a process whose root is that of the image is led, and never out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import CHARACTER, DIRECTORY, FILE, HARDLINK, SYMLINK, Columns
from ocinb.errors import InvalidError, NotFoundError
from ocinb.rootfs.filesystem import overlay
from ocinb.rootfs.path_resolution import MAX_LINKS, MAX_PATH_CHARACTERS, Tree


def columns(entries: Mapping[str, str | None]) -> Columns:
    """Make entries: None is a file, "/" a directory, another text what a symbolic link names."""
    kinds = {None: FILE, "/": DIRECTORY, "=": CHARACTER}
    made = Columns()
    for place, (path, said) in enumerate(entries.items()):
        kind = HARDLINK if said and said.startswith("#") else kinds.get(said, SYMLINK)
        target = said.removeprefix("#") if said and kind in (SYMLINK, HARDLINK) else None
        row = Columns([place], [path], [kind], [0], [0o644], [0], [0], [0], [target], [None], [None])
        made.extend(row)
    return made


def lead(entries: Mapping[str, str | None], path: str) -> str:
    layer = columns(entries)
    result = overlay([layer])
    return result.paths[Tree([layer], result).lead(path)]


ETC = {"etc": "/", "etc/passwd": None, "etc/shadow": None}


@pytest.mark.parametrize(
    ("links", "path", "message"),
    [
        ({}, "etc/group", r"there is no 'etc/group' in the final file system"),
        ({}, "/usr/bin/x", r"there is no '/usr/bin/x' in the final file system: not even 'usr' is there$"),
        ({"etc/x/y": "/"}, "etc/./x//z/", r"there is no 'etc/./x//z/' in the final file system$"),
        ({"a": "gone"}, "a", r"there is no 'a' in the final file system: it leads to 'gone'$"),
        ({"a": "gone/x"}, "a/y", r"no 'a/y' in .*: it leads to 'gone/x/y', and not even 'gone' is there$"),
        ({"a": ""}, "a", r"'a' leads to 'a', a symbolic link to 0 characters"),
        ({"a": "x" * 5000}, "a", r"a symbolic link to 5,000 characters"),
        ({}, "etc/passwd/x", r"'etc/passwd/x' leads through 'etc/passwd', which is no directory"),
        ({"a": "etc/passwd"}, "a/../shadow", r"leads through 'etc/passwd', which is no directory"),
        ({"a": "="}, "a/b", r"leads through 'a', which is no directory. 'a' has the type character"),
        ({}, "etc/passwd/", r"'etc/passwd/' leads through 'etc/passwd', which is no directory"),
        ({}, "etc/passwd/.", r"'etc/passwd/.' leads through 'etc/passwd', which is no directory"),
        ({"a": "etc/passwd"}, "a/", r"'a/' leads through 'etc/passwd', which is no directory"),
        ({"a": "etc/passwd/"}, "a", r"'a' leads through 'etc/passwd', which is no directory"),
    ],
)
def test_what_leads_nowhere_says_how_far_it_led(links: dict[str, str | None], path: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=message):
        lead({**ETC, **links}, path)


@pytest.mark.parametrize("path", ["etc/", "/etc/.", "etc//", "a/", "b"])
def test_a_directory_may_end_in_a_slash(path: str) -> None:
    assert lead({**ETC, "a": "etc", "b": "etc/"}, path) == "etc"


def test_no_longer_path_is_walked_than_linux_takes_but_what_stands_there_is_found() -> None:
    long = "/".join(["directory"] * 1000)
    assert lead({long: None}, long) == long
    with pytest.raises(NotFoundError, match=f"no more than {MAX_PATH_CHARACTERS:,} are read"):
        lead({long: None}, f"{long}/..")


NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)
ENDS = st.sampled_from(["", "", "/", "/.", "//"])
WALKS = st.tuples(st.lists(st.sampled_from(["a", "b", "c", "d", "..", ".", ""]), max_size=5).map("/".join), ENDS)
LINKS = st.tuples(TARGETS, ENDS).map("".join)
ENTRIES = st.dictionaries(PATHS, st.one_of(st.none(), st.just("/"), LINKS), max_size=8)


@given(entries=ENTRIES, path=WALKS.map("".join))
def test_it_leads_where_the_kernel_leads(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str | None], path: str
) -> None:
    layer = columns(entries)
    result = overlay([layer])
    tree = Tree([layer], result)
    root = tmp_path_factory.mktemp("root")
    _make(root, layer, result.paths, [place for _, place in result.contents])
    expected = _resolved(root, path)
    try:
        reached: str | None = result.paths[tree.lead(path)]
    except InvalidError as error:
        reached = "a directory" if "is a directory" in str(error) else "a circle"
    except NotFoundError:
        reached = None
    if expected is not None and reached == "a directory":
        assert (root / expected).is_dir()
    else:
        assert reached == expected


def _make(root: Path, layer: Columns, paths: list[str], places: list[int]) -> None:
    for path, place in zip(paths, places, strict=True):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if layer.type[place] == DIRECTORY:
            target.mkdir(exist_ok=True)
        elif layer.type[place] == SYMLINK:
            target.symlink_to(layer.link_target[place] or "")
        else:
            target.touch()


def _resolved(root: Path, path: str) -> str | None:
    """Let the kernel walk, a name at a time, since it knows no other root without privileges."""
    here, todo, links = root, path.split("/")[::-1], 0
    while todo:
        part = todo.pop()
        if part == ".." and here == root:
            continue
        if not here.is_dir():
            return None
        here = here.parent if part == ".." else here / part
        if here.is_symlink():
            links += 1
            if links > MAX_LINKS:
                return "a circle"
            todo += os.readlink(here).split("/")[::-1]  # noqa: PTH115 - pathlib drops the slash at its end
            here = here.parent
        elif not os.path.lexists(here):
            return None
    return "" if here == root else str(here.relative_to(root))
