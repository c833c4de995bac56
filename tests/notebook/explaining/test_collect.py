"""What was gathered says which image is meant, and in which words a line has to name it."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import Settings
from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.collect import find_way_in, gather
from ocinb.notebook.explain.steps import judge
from ocinb.samples import SampleRegistry
from ocinb.sources.images import Child, choose_children
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_MANIFEST
from ocinb.spec.platforms import Platform, parse_platform
from tests.documents import REPOSITORY, layer, put_image, put_index


@pytest.mark.parametrize("odd", ['amd64"); import os; os.system("id")#', "amd64\n", "\u202e", "a b", "a/b", "amd64"])
def test_a_platform_that_is_no_word_stands_in_no_line(registry: SampleRegistry, odd: str) -> None:
    child = put_image(registry, layer())
    put_index(registry, {**child, "platform": {"os": "linux", "architecture": odd}}, tag="index")
    ref = registry.reference(f"{REPOSITORY}:index")
    line = gather(ref, None).document_lines.call("document")
    assert (line.count('"'), "os.system" in line) in {(2, False), (0, False)}, "a platform in quotes, or a digest"
    assert eval(line, {"ocinb": ocinb, "ref": ref}).digest == child["digest"]


DIGEST = Digest.of(b"manifest")
BEARER = 'Basic realm="x", Bearer realm="https://auth.example/token",service="s"'


def exchange(path: str, status: int | None, *, reason: str = "", **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("GET", f"https://registry.example{path}", status, False, 0, 0.1, reason, {}, named)  # noqa: FBT003


def test_an_open_door_has_no_challenge() -> None:
    found = find_way_in([exchange("/v2/a/manifests/1", 200)])
    assert (found.refused, found.token, found.challenge) == (None, None, None)


INDEX = Digest.of(b"index")


def child(position: int, platform: str | None, *, name: str = "", **more: object) -> Child:
    made = None if platform is None else Platform(*platform.split("/"))
    digest = Digest.of((name or str(position)).encode())
    descriptor = Descriptor(OCI_MANIFEST, digest, 10, made, **more)  # type: ignore[arg-type]
    return Child(INDEX, position, descriptor)


def judged(children: list[Child], wanted: str, *, is_default: bool = False) -> list[tuple[bool, str]]:
    settings = Settings()
    settings.platform = wanted
    images = [one for one in children if one.descriptor.kind == "image"]
    taken = choose_children(children, None if is_default else (wanted,), settings)[0] if images else None
    return [(one.is_taken, one.reason) for one in judge(children, taken, parse_platform(wanted), is_default=is_default)]


def test_of_several_platforms_each_has_its_reason() -> None:
    children = [
        child(0, "linux/arm/v8"),
        child(1, "linux/arm/v6"),
        child(2, "linux/arm/v5"),
        child(3, "linux/amd64"),
        child(4, "windows/arm/v7"),
        child(5, None),
        child(6, "linux/arm/v6", name="1"),
        child(7, "linux/arm/v6"),
    ]
    assert judged(children, "linux/arm/v7") == [
        (False, "needs more than linux/arm/v7 has: a higher variant"),
        (True, "the nearest lower variant: what runs linux/arm/v7 runs this too"),
        (False, "would run, but it is a lower variant than linux/arm/v6"),
        (False, "for another architecture"),
        (False, "for another operating system"),
        (False, "says no platform, and is not the only image"),
        (False, "the same image as in position 1"),
        (False, "as good as the one that was taken, which stands before it"),
    ]
