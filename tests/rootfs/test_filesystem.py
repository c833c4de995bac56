"""Each rule of image-spec's layer.md, and of what it leaves to those who unpack, by hand."""

from __future__ import annotations

import tarfile
from itertools import permutations

import pytest

from ocinb.errors import InvalidError
from ocinb.rootfs import overlay as overlay_module
from ocinb.rootfs import tree
from ocinb.rootfs.filesystem import overlay
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.layers import applied, fates, layer_of
from tests.rootfs.reference import Applied

NOWHERE = ["../a", "../../etc/passwd", "a/../../b", "..", "/../a"]


def test_no_layer_has_no_file() -> None:
    found = applied()
    assert (found.paths, found.visible, found.change) == ([], [], [])


def test_entries_are_added_and_modified() -> None:
    found = applied([directory("d"), file("d/a"), file("d/b")], [file("d/b"), file("c")])
    assert found.paths == ["c", "d", "d/a", "d/b"]
    assert found.owners == [(1, 1), (0, 0), (0, 1), (1, 0)] == found.contents
    assert found.change == [["added"] * 3, ["modified", "added"]]
    assert fates([file("a")], [file("a")], [file("a")]) == [["overwritten in 1"], ["overwritten in 2"], ["seen"]]


def test_paths_are_sorted_as_text() -> None:
    assert applied([file("a/b"), file("a-b"), file("a.b")]).paths == ["a-b", "a.b", "a/b"]


def test_a_whiteout_removes_a_file_of_a_lower_layer() -> None:
    found = applied([file("a"), file("b")], [whiteout("a")])
    assert found.paths == ["b"]
    assert found.change[1] == ["deleted"]
    assert fates([file("a"), file("b")], [whiteout("a")]) == [["deleted in 1", "seen"], [""]]


def test_a_whiteout_removes_a_directory_with_all_that_is_in_it() -> None:
    lower = [directory("d"), file("d/a"), directory("d/e"), symlink("d/e/s", "x"), file("d-a")]
    assert fates(lower, [], [whiteout("d")])[0] == ["deleted in 2"] * 4 + ["seen"]


def test_whiteouts_apply_to_lower_layers_alone_whatever_the_order() -> None:
    upper = [whiteout("d"), directory("d"), file("d/a"), whiteout("d/b"), file("d/c")]
    for order in permutations(upper):
        found = applied([directory("d"), *(file(f"d/{name}") for name in "abz")], [*order])
        assert found.paths == ["d", "d/a", "d/c"]
        assert {path: found.owners[place][0] for place, path in enumerate(found.paths)} == dict.fromkeys(found.paths, 1)
        change = dict(zip((entry.path for entry in order), found.change[1], strict=True))
        assert [change[path] for path in ("d", "d/a", "d/c")] == ["modified", "modified", "added"]


def test_an_opaque_marker_hides_what_is_in_a_directory_but_not_the_directory() -> None:
    lower = [directory("d"), file("d/a"), directory("d/e"), file("d/e/b"), file("c")]
    upper = [file("d/a"), opaque("d"), file("d/n")]
    for order in permutations(upper):
        assert fates(lower, [*order])[0] == ["seen", "opaque in 1", "opaque in 1", "opaque in 1", "seen"]
        assert applied(lower, [*order]).paths == ["c", "d", "d/a", "d/n"]


def test_the_example_of_the_specification() -> None:
    base = [directory("a"), directory("a/b"), directory("a/b/c"), file("a/b/c/bar")]
    upper = [directory("a"), opaque("a"), directory("a/b"), directory("a/b/c"), file("a/b/c/foo")]
    for order in (upper, [upper[0], *upper[2:], upper[1]]):
        found = applied(base, order)
        assert found.paths == ["a", "a/b", "a/b/c", "a/b/c/foo"]
        assert {layer for layer, _ in found.owners} == {1}


def test_opaque_comes_before_whiteouts() -> None:
    lower = [directory("d"), file("d/a")]
    assert fates(lower, [whiteout("d/a"), opaque("d"), whiteout("d")])[0] == ["deleted in 1", "opaque in 1"]


def test_an_opaque_root_hides_all_but_the_root() -> None:
    assert fates([directory(""), file("a"), file("d/b")], [opaque("")])[0] == ["seen", "opaque in 1", "opaque in 1"]


@pytest.mark.parametrize("marker", [whiteout("x"), whiteout("a/x"), opaque("a"), opaque("x"), opaque("x/y")])
def test_a_marker_of_nothing_does_nothing(marker: Entry) -> None:
    assert fates([file("a")], [marker]) == [["seen"], [""]]


def test_markers_that_leave_the_root_do_nothing() -> None:
    markers = [whiteout("../a"), opaque(".."), whiteout("d/../../a"), opaque("../d")]
    assert fates([file("a"), file("d/b")], markers)[0] == ["seen", "seen"]


def test_a_directory_on_a_directory_keeps_what_is_in_it() -> None:
    assert fates([directory("d"), file("d/a")], [directory("d", mode=0o700)]) == [
        ["overwritten in 1", "seen"],
        ["seen"],
    ]


@pytest.mark.parametrize("entry", [file("d"), symlink("d", "e"), Entry("d", tarfile.FIFOTYPE), hardlink("d", "x")])
def test_anything_else_replaces_a_directory_with_all_that_is_in_it(entry: Entry) -> None:
    lower = [file("x"), directory("d"), file("d/a"), directory("d/e"), file("d/e/b")]
    hidden = ["overwritten in 1", "replaced in 1", "replaced in 1", "replaced in 1"]
    assert fates(lower, [entry]) == [["seen", *hidden], ["seen"]]


@pytest.mark.parametrize("entry", [file("d"), symlink("d", "e"), Entry("d", tarfile.BLKTYPE)])
def test_a_directory_replaces_anything_else(entry: Entry) -> None:
    assert fates([directory("e"), entry], [directory("d"), file("d/a")])[0] == ["seen", "overwritten in 1"]
    assert applied([directory("e"), entry], [directory("d"), file("d/a")]).paths == ["d", "d/a", "e"]


def test_what_is_below_a_file_takes_its_place() -> None:
    assert fates([file("d")], [file("d/a")]) == [["overwritten in 1"], ["seen"]]


def test_of_one_path_in_a_layer_the_last_entry_counts() -> None:
    layer = [file("a", "one"), symlink("a", "two"), file("a", "three")]
    assert fates(layer) == [["overwritten in 0", "overwritten in 0", "seen"]]
    assert applied(layer).change == [["added"] * 3]
    assert applied([file("a")], layer).change[1] == ["modified"] * 3


def test_what_stood_below_is_modified_also_if_this_layer_removes_it() -> None:
    lower = [directory("d"), file("d/a"), file("d/e/b")]
    upper = [whiteout("d"), file("d/a"), file("d"), directory("d"), file("d/e/b"), file("d/n"), directory("d/e")]
    assert applied(lower, upper).change[1] == ["deleted", *["modified"] * 4, "added", "modified"]
    assert applied(lower, [whiteout("d")], upper).change[2] == ["deleted", *["added"] * 6]


def test_a_file_in_the_place_of_a_directory_does_not_say_what_was_in_that() -> None:
    upper = [file("a"), whiteout("a"), file("a/b"), file("a"), directory("a"), file("a/b/c"), file("a/b")]
    found = applied([file("a/b/c"), file("x/y")], [opaque(""), *upper])
    assert found.change[1] == ["deleted", "modified", "deleted", *["modified"] * 5]


def test_directories_that_no_layer_stores_have_no_row() -> None:
    found = applied([file("d/e/a")], [whiteout("d/e/a")])
    assert found.paths == []
    assert applied([file("d/e/a")], [directory("d/e")]).change[1] == ["modified"]


def test_an_opaque_directory_that_its_layer_does_not_store_stays() -> None:
    found = applied([directory("d"), file("d/a")], [opaque("d"), file("d/b")])
    assert list(zip(found.paths, found.owners, strict=True)) == [("d", (0, 0)), ("d/b", (1, 1))]


def test_the_root_may_be_an_entry() -> None:
    found = applied([directory(""), file("a")], [directory("."), directory("./")], [whiteout("a")])
    assert (found.paths, found.owners) == ([""], [(1, 1)])
    assert found.change == [["added", "added"], ["modified", "modified"], ["deleted"]]
    assert fates([directory("")], [file("")], [symlink("", "x")]) == [["seen"], [""], [""]]


@pytest.mark.parametrize("path", NOWHERE)
def test_what_would_leave_the_root_is_never_seen(path: str) -> None:
    for entry in (file(path), directory(path), symlink(path, "x"), hardlink(path, "a"), whiteout(f"{path}/x")):
        assert fates([file("a"), file("b"), file("etc/passwd")], [entry])[1] == [""]
        assert fates([file("a"), file("b"), file("etc/passwd")], [entry])[0] == ["seen"] * 3


def test_paths_with_turns_inside_the_root_are_followed() -> None:
    found = applied([directory("d"), file("d/../a"), file("x//./b"), directory("d/e/.."), file("./c")])
    assert found.paths == ["a", "c", "d", "x/b"]
    assert found.visible == [[False, True, True, True, True]]


@pytest.mark.parametrize("target", ["d", "/d", "./d/", "../../d", "e/../d", "//d/."])
def test_symbolic_links_on_the_way_are_followed_inside_the_root(target: str) -> None:
    found = applied([directory("d"), symlink("l", target)], [file("l/a")], [whiteout("l/a"), file("l/b")])
    assert found.paths == ["d", "d/b", "l"]
    assert found.visible == [[True, True], [False], [False, True]]
    assert found.change[2] == ["deleted", "added"]


def test_a_link_at_the_end_is_replaced_and_not_followed() -> None:
    found = applied([directory("d"), file("d/a"), symlink("l", "d/a")], [file("l")])
    assert found.owners == [(0, 0), (0, 1), (1, 0)]


def test_links_to_nothing_make_directories_as_unpackers_do() -> None:
    assert applied([symlink("l", "not/there"), file("l/a")]).paths == ["l", "not/there/a"]


def test_links_through_links_and_upwards() -> None:
    base = [directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib"), symlink("usr/lib/up", "..")]
    found = applied(base, [file("lib/up/a"), file("lib/up/lib/b")])
    assert found.paths == ["lib", "usr", "usr/a", "usr/lib", "usr/lib/b", "usr/lib/up"]


def test_an_absolute_link_stays_in_the_root_as_does_one_that_leads_above_it() -> None:
    found = applied([symlink("out", "../../../.."), file("out/a"), symlink("root", "/"), file("root/etc/b")])
    assert found.paths == ["a", "etc/b", "out", "root"]


@pytest.mark.parametrize(
    "links",
    [
        [symlink("l", "l")],
        [symlink("l", "m"), symlink("m", "l")],
        [symlink("l", "x/" * 3000)],
        [symlink("l", "l0"), *(symlink(f"l{number}", f"l{number + 1}") for number in range(60))],
    ],
)
def test_what_is_behind_a_loop_or_too_many_links_is_nowhere(links: list[Entry]) -> None:
    assert fates(links, [file("l/a"), whiteout("l/b"), opaque("l"), hardlink("h", "l/a")])[1] == [""] * 4


def test_a_directory_may_replace_the_link_that_entries_before_it_went_through() -> None:
    found = applied([directory("d"), symlink("l", "d")], [file("l/a"), directory("l"), file("l/b")])
    assert found.paths == ["d", "d/a", "l", "l/b"]


def test_a_marker_does_not_follow_a_link_that_its_layer_replaces() -> None:
    base = [directory("d"), file("d/a"), symlink("l", "d")]
    for order in permutations([directory("l"), whiteout("l/a"), opaque("l")]):
        assert fates(base, [*order])[0] == ["seen", "seen", "overwritten in 1"]
    for order in permutations([whiteout("l"), whiteout("l/a")]):
        assert fates(base, [*order])[0] == ["seen", "seen", "deleted in 1"]
    assert fates(base, [whiteout("l/a")])[0] == ["seen", "deleted in 1", "seen"]
    assert fates(base, [opaque("l")])[0] == ["seen", "opaque in 1", "seen"]


def test_a_link_that_a_marker_removes_is_gone_before_anything_goes_through_it() -> None:
    base = [directory("d"), symlink("l", "d")]
    for order in permutations([whiteout("l"), file("l/a")]):
        assert applied(base, [*order]).paths == ["d", "l/a"]


def test_a_hard_link_is_one_more_name_of_a_content() -> None:
    found = applied([file("b", "x"), hardlink("a", "b")], [hardlink("c", "a")])
    assert found.paths == ["a", "b", "c"]
    assert found.owners == [(0, 1), (0, 0), (1, 0)]
    assert found.contents == [(0, 0)] * 3


def test_a_content_survives_its_name_and_is_hidden_with_the_last() -> None:
    base, more = [file("a", "x"), hardlink("b", "a")], [hardlink("c", "a")]
    assert fates(base, more, [whiteout("a")]) == [["", "seen"], ["seen"], [""]]
    assert fates(base, more, [whiteout("a")], [file("b")], [opaque("")]) == [
        ["opaque in 4", "overwritten in 3"],
        ["opaque in 4"],
        [""],
        ["opaque in 4"],
        [""],
    ]


def test_a_name_of_a_content_says_itself_where_it_went() -> None:
    assert fates([file("a", "x"), hardlink("b", "a")], [whiteout("b")]) == [["seen", "deleted in 1"], [""]]


def test_a_hard_link_keeps_what_its_target_was() -> None:
    found = applied([file("a", "old")], [hardlink("b", "a"), file("a", "new"), hardlink("c", "a")])
    assert list(zip(found.paths, found.contents, strict=True)) == [("a", (1, 1)), ("b", (0, 0)), ("c", (1, 1))]


def test_a_hard_link_is_what_stands_there_now_before_what_its_own_layer_removed() -> None:
    found = applied([file("a", "old")], [whiteout("a"), file("a", "new"), hardlink("b", "a")])
    assert list(zip(found.paths, found.contents, strict=True)) == [("a", (1, 1)), ("b", (1, 1))]


def test_a_hard_link_does_not_lead_to_what_its_own_layer_replaced() -> None:
    found = applied([file("d/x"), file("o")], [whiteout("o"), file("d"), hardlink("b", "d/x")])
    assert found.paths == ["d"]


def test_a_hard_link_keeps_what_its_own_layer_removes() -> None:
    for order in permutations([hardlink("b", "d/a"), whiteout("d")]):
        found = applied([directory("d"), file("d/a", "x")], [*order])
        assert (found.paths, found.contents) == (["b"], [(0, 1)])
        assert found.hidden_in[0] == [1, None]


def test_a_hard_link_to_itself_keeps_the_content() -> None:
    found = applied([file("a", "x")], [hardlink("a", "a")])
    assert (found.owners, found.contents, found.hidden_in) == ([(1, 0)], [(0, 0)], [[None], [None]])


def test_another_name_of_a_link_or_a_device_is_what_it_names() -> None:
    found = applied([directory("d"), symlink("l", "d"), hardlink("m", "l"), file("m/a"), Entry("p", tarfile.FIFOTYPE)])
    assert found.paths == ["d", "d/a", "l", "m", "p"]
    assert found.contents[3] == (0, 1)
    found = applied([symlink("l", "d"), hardlink("m", "l")], [whiteout("l"), file("m/a")])
    assert found.paths == ["d/a", "m"]


@pytest.mark.parametrize("target", ["x", "", ".", "d", "a/b", "../a", "/", "b", "s/a"])
def test_a_hard_link_to_nothing_is_never_seen(target: str) -> None:
    base = [file("a"), directory("d"), symlink("s", "s")]
    assert fates(base, [hardlink("b", target), hardlink("a", target)]) == [["seen"] * 3, ["", ""]]


@pytest.mark.parametrize(
    ("upper", "change"),
    [
        ([], "modified"),
        ([whiteout("d/a")], "modified"),
        ([whiteout("d")], "modified"),
        ([opaque("")], "modified"),
        ([file("d")], "modified"),
        ([whiteout("d"), directory("d")], "modified"),
        ([whiteout("d"), symlink("d", "e")], "added"),
        ([symlink("e", "d"), whiteout("d")], "modified"),
    ],
)
@pytest.mark.parametrize("path", ["d/a", "d/b", "d/c/e", "d/c"])
def test_a_hard_link_to_nothing_says_whether_its_path_stood_below(upper: list[Entry], change: str, path: str) -> None:
    lower = [directory("d"), file("d/a"), symlink("d/b", "x"), file("d/c/e")]
    assert applied(lower, [*upper, hardlink(path, "x")]).change[1][-1] == change
    for other in (f"{path}/y", f"{path}y", "d/x/y", "d/c/e/y", "x", "", "../d/a"):
        assert applied(lower, [*upper, hardlink(other, "nothing")]).change[1][-1] == "added", other
    assert applied([], [hardlink(path, "x")]).change[1] == ["added"]
    assert applied(lower, [whiteout("d")], [hardlink(path, "x")]).change[2] == ["added"]


def test_hard_links_to_nothing_where_directories_lay_deep() -> None:
    row = "/".join("abcdefghijklmnopqrstuvwxyz")
    links = [row, row[:9], f"{row}/f", f"{row}/g", f"{row}/f/g", f"{row[:9]}/x", f"{row[:9]}/x/f", "b"]
    stood = ["modified", "modified", "modified", *["added"] * 5]
    for upper in ([whiteout("a")], [], [file("a/b")], [whiteout("a"), file("a/b/c/x/y")]):
        found = applied([file(f"{row}/f")], [*upper, *(hardlink(path, "nothing") for path in links)])
        assert found.change[1][len(upper) :] == stood


def test_a_path_that_turns_back_from_what_is_missing_is_led_elsewhere_once_it_is_there() -> None:
    layer = [
        directory("other/deep"),
        symlink("l", "m/../d"),
        file("l/one"),
        symlink("m", "other/deep"),
        file("l/two"),
        hardlink("l/three", "l/two"),
    ]
    assert applied(layer).paths == ["d/one", "l", "m", "other/d/three", "other/d/two", "other/deep"]
    found = applied([directory("d"), *layer[:2], file("l/one/a"), layer[3], file("l/two/a")])
    assert found.paths == ["d", "d/one/a", "l", "m", "other/d/two/a", "other/deep"]


@pytest.mark.parametrize(
    "turn",
    [
        [whiteout("t/u"), symlink("t/u", "../w")],
        [symlink("t", "w")],
        [file("t"), symlink("t/u/v", "/w")],
        [directory("l")],
        [symlink("l", "w"), directory("w/u/v")],
        [symlink("l", "t"), symlink("m", "w")],
    ],
)
def test_where_a_link_leads_is_forgotten_when_something_on_its_way_goes(turn: list[Entry]) -> None:
    base = [directory("t/u/v"), directory("w/v"), symlink("l", "t/u"), symlink("m", "l/v")]
    layers = [base, [file("m/one/f"), *turn, file("m/two/f"), file("l/three/f"), file("m/four/f")]]
    columns = [layer_of(*entries) for entries in layers]
    assert overlay(columns) == Applied(columns).overlay()


def test_hard_links_are_followed_through_symbolic_ones_but_for_the_last_name() -> None:
    found = applied([directory("d"), file("d/a"), symlink("l", "d")], [hardlink("b", "l/a"), hardlink("c", "l")])
    assert found.paths == ["b", "c", "d", "d/a", "l"]
    assert found.contents == [(0, 1), (0, 2), (0, 0), (0, 1), (0, 2)]


def test_leftovers_of_aufs_are_never_seen_but_by_what_names_them() -> None:
    kept = ".wh..wh.plnk/1.2"
    layer = [directory(".wh..wh.plnk"), file(kept, "x"), file(".wh..wh.aufs"), hardlink("a", kept)]
    found = applied(layer, [hardlink("b", kept), file("c")], [whiteout("c")])
    assert found.visible == [[False, False, False, True], [False, False], [False]]
    assert (found.paths, found.contents) == (["a"], [(0, 1)])
    assert fates(layer, [whiteout("a")])[0] == ["", "deleted in 1", "", "deleted in 1"]


@pytest.mark.parametrize(
    "left", [directory(".wh..wh.plnk/9"), symlink(".wh..wh.plnk/9", "etc"), hardlink(".wh..wh.plnk/9", "etc/a")]
)
def test_a_leftover_that_is_no_regular_file_has_no_names(left: Entry) -> None:
    found = applied([directory("etc"), file("etc/a"), left, hardlink("b", ".wh..wh.plnk/9"), file("b/x", "1")])
    assert found.paths == ["b/x", "etc", "etc/a"]
    assert found.reason == [[None] * 5]


def test_layers_may_be_empty() -> None:
    found = applied([], [file("a")], [])
    assert (found.visible, found.owners) == ([[], [True], []], [(1, 0)])


def test_too_many_directories_that_no_layer_stores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_IMPLIED", 10)
    assert len(applied([file(f"{number}/a") for number in range(10)]).paths) == 10
    with pytest.raises(InvalidError, match="more than 10 directories that no layer stores"):
        applied([file(f"{number}/a") for number in range(11)])


def test_more_paths_behind_links_than_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_module, "MAX_MOVED_CHARACTERS", 30)
    links = [symlink("l", "d/d"), *(file(f"l/{number}") for number in range(6))]
    assert len(applied(links[:7]).paths) == 7
    with pytest.raises(InvalidError, match="more than 30 characters together"):
        applied([*links, file("l/6")])
    assert len(applied([file(f"d/d/{number}") for number in range(20)]).paths) == 20


def test_links_into_directories_that_lie_deep() -> None:
    row, other = "/".join("abcdefghijklmnopqrstuvwxyz"), "/".join("abcdefghijklmnopqrstuvwxy0")
    below = [file(f"{row}/f"), symlink("up", f"{row}/../../n/o/p/x"), file(f"{other}/g")]
    above = [hardlink("one", f"{row}/f"), hardlink("two", f"./{row}/../z/f"), hardlink("three", f"{other}/z/f")]
    found = applied(below, [*above, file("up/h"), whiteout(f"{row}/f"), whiteout("gone")])
    turned = "/".join("abcdefghijklmnopqrstuvwxn/o/p/x".replace("/", ""))
    assert found.paths == sorted([f"{other}/g", f"{turned}/h", "one", "two", "up"])
    assert found.contents[found.paths.index("one")] == found.contents[found.paths.index("two")] == (0, 0)


@pytest.mark.parametrize("path", ["/a", "a/", "./a", "a/.", "b/../a", "//a"])
def test_whatever_a_path_looks_like_the_final_one_is_plain(path: str) -> None:
    assert applied([file(path)]).paths == ["a"]
