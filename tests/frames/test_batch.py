"""Names in any shape, in their order, each once; what fails is raised or told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, RateLimitError, TransportError
from ocinb.frames import batch
from ocinb.frames.batch import FEW
from ocinb.progress.protocol import State, Task
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.name_lookup import meant_file
from tests.frames.facts import fetch, sha256
from tests.internet import Internet
from tests.localfiles import write_layout
from tests.sources.servers import closed_port, hang_up, listening

BAD_NAMES = [
    "",
    " ",
    "demo/hello ",
    "Demo/Hello",
    "https://registry.example/demo/hello",
    "demo/hello:",
    "demo/hello:la test",
    "demo//hello",
    "-demo/hello",
    "demo/hello@sha256:12",
    "demo/hello@md5:d41d8cd98f00b204e9800998ecf8427e",
    "demo/hello\n",
    "demo/hello\x00",
    "demo/<script>",
    "demo/\ud800",
    "0" * 64,
    "oci:",
    "oci:folder:@first",
    "oci-archive::name",
    "docker-archive:file.tar:App",
]


@pytest.mark.parametrize("helper", ["tags", "manifests", "layers", "history", "configs", "repositories"])
def test_every_helper_skips(registry: SampleRegistry, helper: str) -> None:
    good = registry.host if helper == "repositories" else registry.reference("demo/hello")
    frame = getattr(ocinb, helper)(["no name!", good], errors="skip")
    assert len(frame)
    assert [failure["reference"] for failure in frame.attrs["failures"]] == ["no name!"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused_without_asking_anybody(registry: SampleRegistry, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers(name)
    assert str(caught.value).isprintable()
    frame = ocinb.layers([name, registry.reference("demo/hello")], errors="skip")
    assert len(frame) == 1
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [name]
    assert all("hello" in request.path for request in registry.requests)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("images", "oci:images"),
        ("./images/", "oci:./images/"),
        ("~/images", "oci:~/images"),
        ("ocidir:images", "oci:images"),
        ("ocidir://images", "oci:images"),
        ("app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("docker-archve:app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("notes.txt", None),
        ("folder", None),
        ("x" * 200, None),
        ("a\0b", None),
    ],
)
def test_a_file_that_was_typed_without_its_transport_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings.offline = True
    write_layout(tmp_path / "images", {})
    (tmp_path / "folder").mkdir()
    for name in ("app.tar", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    for ask in (ocinb.layers, ocinb.tags, ocinb.document):
        with pytest.raises(OcinbError) as caught:
            ask(typed)
        assert ("Did you mean" in str(caught.value)) == (meant is not None)
        assert meant is None or caught.value.hint == f"Did you mean {meant}?"


def test_a_hint_about_something_else_than_the_name_stays(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reference = registry.reference("demo/hello")
    write_layout(tmp_path / reference, {})
    assert meant_file(reference)
    with pytest.raises(OcinbError) as caught:
        ocinb.layers(reference, platform="linux/amd46")
    assert str(caught.value.hint).startswith("Did you mean 'linux/amd64'?")
    registry.fault("*", status=403, times=None)
    with pytest.raises(OcinbError) as caught:
        ocinb.tags(reference)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["localhost:5000", "registry.example", "127.0.0.1:5000"])
def test_a_host_alone_is_told_from_a_repository_there(name: str) -> None:
    settings.offline = True
    with pytest.raises(TransportError, match=f"{name} alone is an image of Docker Hub; a repository .* {name}/NAME$"):
        ocinb.tags(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.repositories(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.tags(f"{name}/python")


@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Demo/shop", "demo/shop"),
        ("myOrg/team/app:V1", "myorg/team/app:V1"),
        ("Registry.example/shop", None),
        ("HOST:5000/shop", None),
    ],
)
def test_a_repository_with_capitals_that_is_read_as_a_host_is_suggested_without(name: str, meant: str | None) -> None:
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        ocinb.layers(name)
    hint = str(caught.value.hint)
    assert hint.endswith(f"{name.partition('/')[0]} was read as a host. Did you mean '{meant}'?") == (meant is not None)
    assert ("Did you mean" in hint) == (meant is not None)


class Board:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.tasks = 0

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        self.told.append(title)
        self.tasks = len(tasks)

    def advance(self, key: str, amount: int) -> None:
        pytest.fail(f"{key} has no size, but moved by {amount}")

    def state(self, _: str, state: State) -> None:
        self.told.append(state)

    def finish(self, summary: str) -> None:
        self.told.append(summary)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board()
    monkeypatch.setattr("ocinb.frames.batch.choose_progress", lambda _: made)
    return made


def test_many_tags_are_counted(registry: SampleRegistry, board: Board) -> None:
    tags = [f"v{number}" for number in range(FEW + 1)]
    registry.fault("*/tags/list*", body=json.dumps({"name": "demo/shop", "tags": tags}))
    assert len(ocinb.tags(registry.reference("demo/shop"), digests=True)) == FEW + 1
    assert board.told[0] == "Asking for 51 digests"
    assert board.told[1:-1] == [State.DONE] * 51
    assert board.told[-1].startswith("Asking for 51 digests: 51 of 51 in ")
    assert board.tasks == sum(request.method == "HEAD" for request in registry.requests)


def test_a_pull_of_many_tells_nobody_else_than_its_own_progress(registry: SampleRegistry) -> None:
    board = Board()
    names = [f"nowhere{number}:1" for number in range(FEW + 1)]
    with pytest.raises(ocinb.errors.OcinbError):
        ocinb.pull([registry.reference(name) for name in names], progress=board)
    assert board.told[0] == "Asking for 51 names"


def test_others_are_asked_all_the_same(registry: SampleRegistry) -> None:
    gone = closed_port()
    names = [f"{gone}/demo/app", registry.reference("demo/hello"), f"{gone}/demo/other", "Not A Name", "oci:nowhere"]
    frame = ocinb.layers(names, errors="skip")
    assert frame["reference"].unique().tolist() == [registry.reference("demo/hello")]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [names[0], *names[2:]]


def test_one_that_hangs_up_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.retries = 0
    monkeypatch.setattr(batch, "BELIEVED_SECONDS", 3600.0)
    with listening(hang_up) as host:
        known = batch.CircuitBreaker()
        with pytest.raises(ocinb.errors.TransportError) as caught:
            ocinb.layers(f"{host}/demo/app")
        known.note(f"{host}/demo/app", caught.value)
        known.check(f"{host}/demo/app")
    with pytest.raises(ocinb.errors.TransportError) as caught:
        ocinb.layers(f"{host}/demo/app")
    known.note(f"{host}/demo/app", caught.value)
    with pytest.raises(ocinb.errors.TransportError, match="cannot be reached"):
        known.check(f"{host}/demo/app:other")
    monkeypatch.setattr(batch, "BELIEVED_SECONDS", 0.0)
    known.check(f"{host}/demo/app")


def test_what_is_on_this_machine_is_told_whatever_others_met(registry: SampleRegistry) -> None:
    settings.retries, settings.concurrency, settings.tag_ttl = 0, 1, 3600
    tagged, never = registry.reference("demo/hello"), registry.reference("demo/hello:never")
    digest = ocinb.document(tagged).digest
    names = [tagged, registry.reference(f"demo/hello@{digest}")]
    ocinb.layers(names)
    registry.close()
    for listed in ([never, *names], [*names, never], [never, *names, never.replace("never", "too")]):
        frame = ocinb.layers(listed, errors="skip")
        assert frame["reference"].unique().tolist() == names
        assert {failure["reference"] for failure in frame.attrs["failures"]} == set(listed) - set(names)
    with ocinb.Catalog() as catalog:
        assert catalog.add([never, *names], referrers=True)["outcome"].tolist() == ["failed", "added", "present"]
        assert set(catalog.sql("FROM failures")["stage"]) == {"metadata", "referrers"}


SHOP_TAGS = ["1.0", "1.1", "2.0", "latest"]


def test_lists_go_over_all_pages() -> None:
    with start_registry(page_size=2) as registry:
        assert len(ocinb.repositories(registry.host)) == 6
        assert set(SHOP_TAGS) < set(ocinb.tags(registry.reference("demo/shop"))["tag"])


@pytest.mark.parametrize("match", [5, ["1.*"], b"1.*"])
def test_match_is_a_text(registry: SampleRegistry, match: object) -> None:
    with pytest.raises(InvalidError, match="match takes a glob"):
        ocinb.tags(registry.reference("demo/shop"), match=match)  # type: ignore[arg-type]


def test_a_tag_that_cannot_be_asked_for_is_an_error(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/1.1", method="*", status=403, times=None)
    with pytest.raises(TransportError):
        ocinb.tags(registry.reference("demo/shop"), match="1.*", digests=True)


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_knows_no_head_is_asked_for_the_documents(registry: SampleRegistry, status: int) -> None:
    registry.fault("*/manifests/*", method="HEAD", status=status, times=None)
    frame = ocinb.tags(registry.reference("demo/shop"), match="?.?", digests=True)
    assert frame["digest"].tolist() == [sha256(fetch(registry, "demo/shop", "manifests", tag)) for tag in frame["tag"]]


RATES = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
PREVIEW = "/v2/ratelimitpreview/test/manifests/latest"


@pytest.fixture
def hub(registry: SampleRegistry, internet: Internet, monkeypatch: pytest.MonkeyPatch) -> SampleRegistry:
    """Let the registry be Docker Hub."""
    host = internet.serve("registry-1.docker.io", registry.host)
    monkeypatch.setattr("ocinb.sources.endpoint.HUB_HOST", host)
    settings.insecure_registries = (host,)
    return registry


def test_hub_is_asked_by_the_head_that_it_does_not_count(hub: SampleRegistry) -> None:
    hub.fault(PREVIEW, method="HEAD", status=200, body=b"", headers=RATES, times=None)
    frame = ocinb.rate_limit("docker.io")
    assert frame.iloc[0, :4].tolist() == ["docker.io", 100, 76, 21600]
    assert pd.isna(frame["reset_at"][0])
    assert [(request.method, request.path) for request in hub.requests] == [("HEAD", PREVIEW)]
    ocinb.rate_limit("docker.io")
    assert len(hub.requests) == 2, "it is asked each time: others use what is left as well"


def test_hub_that_is_used_up_says_so(hub: SampleRegistry) -> None:
    settings.retries = 0
    used_up = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
    hub.fault(PREVIEW, method="HEAD", status=429, headers=used_up, times=None)
    assert ocinb.rate_limit("docker.io")["remaining"].tolist() == [0]


def test_hub_that_does_not_even_say_that(hub: SampleRegistry) -> None:
    settings.retries = 0
    hub.fault(PREVIEW, method="HEAD", status=429, times=None)
    with pytest.raises(RateLimitError):
        ocinb.rate_limit("docker.io")


def test_of_others_it_is_told_what_they_said_last(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list*", headers=RATES)
    ocinb.tags(registry.reference("demo/shop"))
    assert ocinb.rate_limit(registry.host)["remaining"].tolist() == [76]
    assert len(registry.requests) == 1


def test_one_that_fails_can_be_skipped(registry: SampleRegistry) -> None:
    registry.fault("/v2/", status=400, times=None)
    with pytest.raises(TransportError):
        ocinb.rate_limit(registry.host)
    frame = ocinb.rate_limit([registry.host], errors="skip")
    assert len(frame) == 0
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [registry.host]


def test_offline_nobody_can_tell(registry: SampleRegistry) -> None:
    settings.offline = True
    with pytest.raises(TransportError, match=f"offline, and what {registry.host} still gives only it can tell"):
        ocinb.rate_limit(registry.host)
    assert not registry.requests
