"""Which images are meant: by a name as it was typed, by a digest, by a glob; and never by one that is typed wrong."""

from __future__ import annotations

import pytest

from ocinb.errors import NotFoundError
from ocinb.spec.digest import Digest
from ocinb.storage.image_selection import Selection
from ocinb.storage.index_file import OWN_NAME, PART_OF, REF_NAME, Entry
from ocinb.storage.usage import Kept

WHERE = "/data/store"


def entry(name: str | None, raw: bytes, **notes: str) -> Kept:
    annotations = {**({REF_NAME: name} if name else {}), **notes}
    platform = {"os": "linux", "architecture": (name or "").rpartition("-")[2]}
    return Kept(Entry({"digest": str(Digest.of(raw)), "platform": platform, "annotations": annotations}), None)


def part(name: str, of: str, raw: bytes) -> Kept:
    return entry(name, raw, **{PART_OF: f"{of}@{Digest.of(raw)}"})


PYTHON = "docker.io/library/python:3.12"
KEPT = [
    entry(PYTHON, b"index"),
    part(f"{PYTHON}-amd64", PYTHON, b"amd64"),
    part(f"{PYTHON}-arm64", PYTHON, b"arm64"),
    entry("docker.io/library/python:latest", b"index"),
    entry("ghcr.io/org/app:1.0", b"app"),
    part("ghcr.io/org/app:2.0-amd64", "ghcr.io/org/app:2.0", b"app 2 amd64"),
    part("ghcr.io/org/app:2.0-arm64", "ghcr.io/org/app:2.0", b"app 2 arm64"),
    entry(str(Digest.of(b"odd")), b"odd", **{OWN_NAME: "localhost:5000/a__b:1"}),
    entry("base", b"named by umoci"),
    entry(None, b"nameless"),
    entry("[::1]:5000/app:1", b"address"),
]

FOUND: dict[str, list[int]] = {
    "python:3.12": [0, 1, 2],
    "docker.io/library/python:3.12": [0, 1, 2],
    "docker://python:3.12": [0, 1, 2],
    "index.docker.io/library/python:3.12": [0, 1, 2],
    "python:3.12-arm64": [2],
    "python": [3],
    "ghcr.io/org/app:1.0": [4],
    "ghcr.io/org/app:2.0": [5, 6],
    "localhost:5000/a__b:1": [7],
    "base": [8],
    f"oci:{WHERE}:base": [8],
    f"oci:{WHERE}:{PYTHON}": [0, 1, 2],
    f"oci:{WHERE}@{Digest.of(b'nameless')}": [9],
    str(Digest.of(b"nameless")): [9],
    str(Digest.of(b"odd")): [7],
    f"python@{Digest.of(b'index')}": [0, 3],
    f"python:3.12@{Digest.of(b'index')}": [0],
    f"python@{Digest.of(b'arm64')}": [2],
    "[::1]:5000/app:1": [10],
}


@pytest.mark.parametrize(("name", "places"), FOUND.items(), ids=FOUND)
def test_an_image_is_found_by_what_people_call_it(name: str, places: list[int]) -> None:
    assert sorted(Selection(KEPT, WHERE).find(name)) == places


MISSING: dict[str, str] = {
    "python:3.13": "Did you mean docker.io/library/python:3.12?",
    "ghcr.io/org/ap:1.0": "Did you mean ghcr.io/org/app:1.0",
    "zzz": "There are: [::1]:5000/app:1, base, docker.io/library/python:3.12, docker.io/library/python:latest, ",
    "oci:/elsewhere:base": "There are: ",
    f"oci-archive:{WHERE}:base": "There are: ",
    f"python@{Digest.of(b'app')}": "There are: ",
    f"alpine@{Digest.of(b'index')}": "There are: ",
    str(Digest.of(b"none")): "There are: ",
    "": "There are: ",
    "\x1b[2J": "There are: ",
}


@pytest.mark.parametrize(("name", "hint"), MISSING.items(), ids=map(repr, MISSING))
def test_what_is_not_there_is_told_with_what_is(name: str, hint: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        Selection(KEPT, WHERE).find(name)
    assert hint in (caught.value.hint or "")
    assert "\x1b" not in str(caught.value)


NAMELESS: dict[str, tuple[list[Kept], str]] = {
    "nothing": ([], "there is no image in /data/store"),
    "one": ([entry(None, b"a")], f"there is no image with a name in /data/store. There are: {Digest.of(b'a')}"),
}


@pytest.mark.parametrize(("kept", "told"), NAMELESS.values(), ids=NAMELESS)
def test_where_nothing_has_a_name_there_is_none_to_suggest(kept: list[Kept], told: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        Selection(kept, WHERE).find("python")
    assert str(caught.value) == told


def hint(kept: list[Kept], name: str) -> str:
    with pytest.raises(NotFoundError) as caught:
        Selection(kept, WHERE).match(name)
    return caught.value.hint or ""


def test_a_name_of_several_images_is_suggested_by_their_digests() -> None:
    kept = [entry("latest", b"one"), entry("latest", b"two"), entry("base", b"base")]
    both = [f"{Digest.of(raw)} (latest)" for raw in (b"one", b"two")]
    assert hint(kept, "zzz") == f"There are: base, {both[0]}, {both[1]}"
    assert hint(kept, "lattest") == f"Did you mean {both[0]} or {both[1]}?"


NEAR: dict[str, str] = {
    "pyhton:*": "docker.io/library/python:*",
    "*pyhton*": "docker.io/library/python:*",
    "ghcr.io/org/ap:[12].0": "ghcr.io/org/app:*",
    "python:3.12-amd46": "docker.io/library/python:3.12-amd64",
    "[::1]:5000/ap:1": "[::1]:5000/app:1",
}


@pytest.mark.parametrize(("pattern", "near"), NEAR.items(), ids=NEAR)
def test_what_may_have_been_meant_is_suggested(pattern: str, near: str) -> None:
    assert near in hint(KEPT, pattern).removeprefix("Did you mean ").removesuffix("?").split(" or ")
    assert Selection(KEPT, WHERE).match(near)


def test_one_name_of_two_images_is_no_name_of_either() -> None:
    kept = [entry("latest", b"one"), entry("latest", b"two")]
    with pytest.raises(NotFoundError, match=r"'latest' in /data/store may be any of 2 images.*by its digest") as caught:
        Selection(kept, WHERE).find("latest")
    shown = (caught.value.hint or "").rpartition(": ")[2].split(", ")
    assert sorted(place for one in shown for place in Selection(kept, WHERE).find(one)) == [0, 1]
    assert Selection([entry("latest", b"one")] * 2, WHERE).find("latest") == {0, 1}


GLOBS: list[tuple[list[str], list[int]]] = [
    (["python:*"], [0, 1, 2, 3]),
    (["python"], [3]),
    (["ghcr.io/*"], [4, 5, 6]),
    (["*-arm64"], [2, 6]),
    (["python:3.12"], [0, 1, 2]),
    (["ghcr.io/org/app:[12].0"], [4, 5, 6]),
    (["[::1]:5000/app:1"], [10]),
    (["*"], list(range(11))),
    (["base", "python:3.12-arm64"], [2, 8]),
    ([str(Digest.of(b"nameless"))], [9]),
]


@pytest.mark.parametrize(("patterns", "places"), GLOBS, ids=str)
def test_a_glob_means_all_that_it_fits_as_docker_prints_it_or_in_full(patterns: list[str], places: list[int]) -> None:
    assert sorted(set().union(*map(Selection(KEPT, WHERE).match, patterns))) == places


@pytest.mark.parametrize("patterns", [["pyhton:*"], ["*", "pyhton:3.12"], ["PYTHON:*"], [""]])
def test_a_pattern_that_fits_nothing_is_an_error_also_beside_one_that_does(patterns: list[str]) -> None:
    with pytest.raises(NotFoundError):
        list(map(Selection(KEPT, WHERE).match, patterns))
