"""A story is told of whatever has a name, and each of its lines returns what stands beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import AuthError, InvalidError, NotFoundError, TransportError
from ocinb.notebook.explain.explain import Story
from ocinb.notebook.explain.story import Note, plain
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.notebook.explaining.places import PLACES
from tests.notebook.explaining.replaying import chapter, figures, replayed, told_by

SECRET = "s3cret-of-ada"
TITLES = [
    "The name",
    "The challenge",
    "The token",
    "The index, and the choice",
    "The manifest, hashed",
    "The config",
    "The history and the layers",
    "The chain of layers",
    "The referrers",
    "What is kept",
    "Over the wire",
]


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=("ada", SECRET)) as running:
        settings.credentials[running.host] = ("ada", SECRET)
        yield running


def check(story: Story, *, at_least: int) -> None:
    found = replayed(story)
    assert [one for one in found if one[1] is not None and one[1] != one[2]] == []
    assert len(found) >= at_least


@pytest.mark.parametrize("place", PLACES)
def test_each_line_returns_what_stands_beside_it(registry: SampleRegistry, tmp_path: Path, place: str) -> None:
    story = ocinb.explain(PLACES[place](registry, tmp_path))
    assert [one.title for one in told_by(story).chapters] == TITLES
    assert all(one.gist and one.parts for one in told_by(story).chapters)
    check(story, at_least=8)


def test_of_a_token_only_what_it_says_is_told(private: SampleRegistry) -> None:
    story = ocinb.explain(private.reference("demo/shop:2.0"), platform="linux/amd64")
    assert plain(chapter(story, "The token").gist) == "it opens repository:demo/shop:pull, for 5 min"
    assert "Bearer ***" in story.markdown
    assert not [text for text in texts(story) if SECRET in text or re.search(r"eyJ[\w-]{20}", text)]


def test_a_password_is_not_told(registry: SampleRegistry) -> None:
    settings.credentials[registry.host] = ("ada", SECRET)
    registry.fault("*/manifests/latest", status=401, headers={"WWW-Authenticate": 'Basic realm="here"'}, body=b"{}")
    story = ocinb.explain(registry.reference("demo/hello"))
    assert plain(chapter(story, "The challenge").gist) == "401: the registry wants Basic"
    assert plain(chapter(story, "The token").gist) == "none: a password is sent with each request"
    assert figures(story, "The token")["sent along"].value == "Basic ***"
    assert not [text for text in texts(story) if SECRET in text]


def texts(story: Story) -> list[str]:
    return [repr(story), story.markdown, story.html, story._repr_html_()]


def test_a_token_that_is_opaque_is_told_as_that(registry: SampleRegistry) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token",service="x"'}
    registry.fault("*/manifests/latest", status=401, headers=challenge, body=b"{}")
    registry.fault("/token*", status=200, body=b'{"token": "opaque"}', times=None)
    story = ocinb.explain(registry.reference("demo/hello"))
    assert "This token is opaque" in story.markdown
    assert not {"issued by", "opens", "lives"} & figures(story, "The token").keys()
    assert figures(story, "The token")["sent along"].value == "Bearer ***"


def test_files_ask_nobody(tmp_path: Path, registry: SampleRegistry) -> None:
    story = ocinb.explain(PLACES["layout"](registry, tmp_path))
    assert plain(chapter(story, "The challenge").gist) == "there is none: no registry is asked"
    assert plain(chapter(story, "The token").gist) == "none is needed for a file"
    assert plain(chapter(story, "Over the wire").gist) == "nothing"
    assert registry.requests == ()


def troubles(story: Story, title: str) -> list[str]:
    return [plain(part.spans) for part in chapter(story, title).parts if isinstance(part, Note) and part.is_trouble]


def test_a_config_that_cannot_be_read_is_told_where_it_is_wanted(registry: SampleRegistry) -> None:
    registry.fault("*/blobs/*", corrupt=10, times=None)
    story = ocinb.explain(registry.reference("demo/hello"))
    [told] = troubles(story, "The config")
    assert told.startswith("IntegrityError: ")
    assert troubles(story, "The history and the layers") == [told]
    assert len(figures(story, "The manifest, hashed")) >= 4
    check(story, at_least=15)


def test_referrers_that_cannot_be_listed_are_told_and_the_rest_is_too(registry: SampleRegistry) -> None:
    settings.retries = 0
    registry.fault("*/referrers/*", status=500, times=None)
    story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/amd64")
    assert [told.partition(":")[0] for told in troubles(story, "The referrers")] == ["TransportError"] * 2
    assert plain(chapter(story, "The referrers").gist) == "they could not be looked for"
    check(story, at_least=50)
    assert troubles(story, "The config") == []


def test_a_manifest_that_is_gone_is_told(registry: SampleRegistry) -> None:
    chosen = ocinb.document(registry.reference("demo/shop:2.0"), platform="linux/amd64").digest
    registry.fault(f"*/manifests/{chosen}", status=404, times=None)
    story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/amd64")
    [told] = troubles(story, "The manifest, hashed")
    assert told.startswith("NotFoundError: ")
    check(story, at_least=10)


def test_where_there_is_nothing_to_tell_it_is_an_error_as_elsewhere(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match="there is no tag '9'"):
        ocinb.explain(registry.reference("demo/shop:9"))
    with pytest.raises(NotFoundError, match="It has: linux/amd64, linux/arm64"):
        ocinb.explain(registry.reference("demo/shop:2.0"), platform="windows/amd64")
    with pytest.raises(NotFoundError, match="It has: linux/amd64"):
        ocinb.explain(registry.reference("demo/hello"), platform="linux/arm64")
    with pytest.raises(InvalidError, match="lower case"):
        ocinb.explain("Demo")
    with pytest.raises(InvalidError, match="a story is that of one platform, not 'all'"):
        ocinb.explain(registry.reference("demo/hello"), platform="all")
    with pytest.raises(InvalidError, match="is not a name"):
        ocinb.explain(5)  # type: ignore[arg-type]
    with pytest.raises(TransportError, match="cannot be reached"):
        ocinb.explain("127.0.0.1:9/demo")


def test_who_is_let_in_by_nobody_is_told_so(private: SampleRegistry) -> None:
    del settings.credentials[private.host]
    with pytest.raises(AuthError):
        ocinb.explain(private.reference("demo/hello"))
