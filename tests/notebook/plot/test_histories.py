"""Growth takes what people have at hand: repositories, images by tag or digest, a catalogue, and frames of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_image

TAGS = ["1.0", "1.1", "2.0, latest"]


@pytest.fixture
def catalog(registry: SampleRegistry) -> Iterator[ocinb.Catalog]:
    with ocinb.Catalog() as made:
        made.add(ocinb.tags(registry.reference("demo/shop"))["reference"], progress=False)
        yield made


def _drawn(subject: Any, **options: Any) -> list[str]:
    return list(ocinb.plot.growth(subject, progress=False, **options).layout.xaxis.ticktext)


@pytest.mark.parametrize("errors", ["raise", "skip"])
def test_a_tag_for_other_platforms_only_is_told_and_no_error(registry: SampleRegistry, errors: Any) -> None:
    only = make_image("linux/arm64", [])
    registry.put_blob(only.config.raw)
    registry.put_manifest("demo/shop", only.manifest.raw, tag="arm64")
    figure = ocinb.plot.growth(registry.reference("demo/shop"), platform="amd64", errors=errors, progress=False)
    assert list(figure.layout.xaxis.ticktext) == TAGS
    assert "1 name is for other platforms only" in figure.layout.title.subtitle.text
    assert figure.failures == []


def test_a_platform_that_no_tag_has_is_an_error(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match="there is no image for linux/s390x"):
        ocinb.plot.growth(registry.reference("demo/shop"), platform="s390x", progress=False)
    figure = ocinb.plot.growth(registry.reference("demo/shop"), platform="s390x", errors="skip", progress=False)
    assert "4 names could not be read" in figure.alt
    assert len(figure.failures) == 4


def test_a_catalogue_is_drawn_and_its_platforms_chosen(catalog: ocinb.Catalog) -> None:
    figure = ocinb.plot.growth(catalog, platform="all")
    assert list(figure.layout.xaxis.ticktext) == TAGS
    assert [trace.name for trace in figure.data] == ["linux/amd64", "linux/arm64"]
    assert [trace.name for trace in ocinb.plot.growth(catalog, platform="amd64").data] == ["linux/amd64"]


def test_the_tags_of_a_catalogue_have_sizes_that_grow_too(catalog: ocinb.Catalog) -> None:
    figure, whole = ocinb.plot.growth(catalog.sql("FROM tags")), ocinb.plot.growth(catalog)
    assert [list(trace.y) for trace in figure.data] == [list(trace.y) for trace in whole.data]
    assert [list(trace.text) for trace in figure.data] == [list(trace.text) for trace in whole.data]
    assert "1 name that is no image is left out" in figure.layout.title.subtitle.text


def test_images_by_digest_are_drawn_in_their_order(registry: SampleRegistry) -> None:
    tags = ocinb.tags(registry.reference("demo/shop"), match="[12].*", digests=True)
    names = [f"{registry.reference('demo/shop')}@{digest}" for digest in tags["digest"]]
    figure = ocinb.plot.growth(names, platform="amd64", progress=False)
    assert list(figure.layout.xaxis.ticktext) == [f"@{digest[7:19]}" for digest in tags["digest"]]
    same = ocinb.plot.growth(tags, platform="amd64", progress=False).data[0]
    assert list(figure.data[0].y) == list(same.y)
    assert list(figure.data[0].text) == list(same.text)
    assert f"demo/shop@{names[0].rpartition(':')[2][:12]}" in figure.data[0].hovertext[0]


def test_files_with_names_in_them_are_repositories(registry: SampleRegistry, tmp_path: Path) -> None:
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1")]
    ocinb.pull(names, platform="amd64", destination=tmp_path / "kept", progress=False)
    figure = ocinb.plot.growth(f"oci:{tmp_path / 'kept'}", progress=False)
    assert [len(trace.y) for trace in figure.data] == [2]


@pytest.mark.parametrize(
    ("name", "repository"),
    [("python:3", "python"), ("ghcr.io/a/b@sha256:" + "ab" * 32, "ghcr.io/a/b"), ("oci:/tmp/x:1", "oci:/tmp/x")],
)
def test_one_image_has_not_grown_and_its_repository_is_suggested(name: str, repository: str) -> None:
    for given in (name, ocinb.Reference(name)):
        with pytest.raises(InvalidError, match=f"Give its repository, '{repository}', or a list of images"):
            ocinb.plot.growth(given)


def test_tags_that_do_not_match_are_told(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match=r"no tag matches '9\*'"):
        ocinb.plot.growth(registry.reference("demo/shop"), match="9*")


def test_tags_are_chosen_where_they_are_listed(catalog: ocinb.Catalog, registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="these are images"):
        ocinb.plot.growth([registry.reference("demo/shop:1.0")], match="1.*")
    for subject in (catalog, catalog.sql("FROM size_history"), ocinb.tags(registry.reference("demo/shop"))):
        with pytest.raises(InvalidError, match="match= goes with the name of a repository"):
            ocinb.plot.growth(subject, match="1.*")


def test_what_has_no_sizes_says_who_has(catalog: ocinb.Catalog) -> None:
    with pytest.raises(InvalidError, match=r"growth\(catalog\) draws those of a catalogue"):
        ocinb.plot.growth(catalog.sql("FROM tag_history"))
    with pytest.raises(InvalidError, match="platform= goes with a name"):
        ocinb.plot.growth(catalog.sql("FROM size_history"), platform="amd64")
    with pytest.raises(InvalidError, match=r"or give the names in it: frame\['reference'\]"):
        ocinb.plot.growth(catalog.sql("FROM images"))


@pytest.mark.parametrize("names", [5, {"python": 1}, b"python", [float("nan")]])
def test_what_is_no_name_is_refused(names: Any) -> None:
    with pytest.raises(InvalidError, match="name"):
        ocinb.plot.growth(names, progress=False)
