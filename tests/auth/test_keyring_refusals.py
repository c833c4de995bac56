"""What a refusal teaches: where to knock, what more to ask for, and when to give up and say why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import AuthError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.images import find_images, resolve_name
from tests import tokenserver
from tests.internet import PUBLIC, Internet
from tests.sources.servers import open_host
from tests.tokenserver import TokenServer
from tests.transferring import open_repository

USER, SECRET = "ada", "s3cret-of-ada"
SCOPE = "repository:demo/shop:pull"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path) as running:
        yield running


@pytest.fixture
def guarded(service: TokenServer) -> Iterator[SampleRegistry]:
    with start_registry(token=True) as running:
        service.guard(running)
        yield running


def bearer(service: TokenServer, **parameters: str) -> dict[str, str]:
    shown = ",".join(f'{name}="{value}"' for name, value in {"realm": service.realm, **parameters}.items())
    return {"WWW-Authenticate": f"Bearer {shown}"}


def statuses(registry: SampleRegistry) -> list[int | None]:
    return [request.status for request in registry.requests]


def test_a_token_that_is_not_enough_is_replaced_once(guarded: SampleRegistry, service: TokenServer) -> None:
    service.withhold(1)
    assert open_repository(guarded).tags()
    assert statuses(guarded) == [401, 401, 200]
    assert [asked.scopes for asked in service.requests] == [[SCOPE], [SCOPE]]


def test_a_token_that_is_never_enough_is_no_loop(guarded: SampleRegistry, service: TokenServer) -> None:
    service.withhold(100)
    with pytest.raises(AuthError, match=r"refused access.*It was asked without credentials") as caught:
        open_repository(guarded).tags()
    assert statuses(guarded) == [401, 401, 401]
    assert len(service.requests) == 2
    assert f'ocinb.settings.credentials["{guarded.host}"]' in str(caught.value)


def test_a_token_is_asked_for_with_what_the_registry_named(guarded: SampleRegistry, service: TokenServer) -> None:
    settings.tag_ttl = 0
    more = "repository:demo/shop:pull,metadata_read"
    first = guarded.fault(
        "*/tags/list", status=401, headers=bearer(service, scope=f"repository:proxy/shop:pull {SCOPE}")
    )
    second = guarded.fault(
        "*/tags/list", status=401, headers=bearer(service, scope=f"{more},push *", error="insufficient_scope")
    )
    source = open_repository(guarded)
    assert source.tags()
    assert (first.hits, second.hits) == (1, 1)
    first_scopes = [SCOPE, "repository:proxy/shop:pull"]
    assert [asked.scopes for asked in service.requests] == [first_scopes, [*first_scopes, f"{more},push", "*"]]
    assert source.tags()
    assert open_repository(guarded, "demo/base").tags()
    assert [asked.scopes for asked in service.requests[2:]] == [["repository:demo/base:pull"]], "that was for one only"


@pytest.mark.parametrize("scope", ["repository:other:push,delete", "a\\\x01b", 'x\\"y', "repository:x:pull " * 500])
def test_a_scope_that_is_none_of_ours_is_not_asked_for(
    guarded: SampleRegistry, service: TokenServer, scope: str
) -> None:
    guarded.fault("*/tags/list", status=401, headers=bearer(service, scope=scope, error="insufficient_scope"))
    assert open_repository(guarded).tags()
    assert [asked.scopes for asked in service.requests] == [[SCOPE]]


@pytest.mark.parametrize("status", [401, 403])
def test_who_says_what_it_wants_at_the_front_door_only(
    guarded: SampleRegistry, service: TokenServer, status: int
) -> None:
    guarded.fault("*/tags/list", status=status, headers={"WWW-Authenticate": None})
    guarded.fault("/v2/", status=status, headers=bearer(service))
    assert open_repository(guarded).tags()
    assert [request.path.partition("?")[0] for request in guarded.requests] == [
        "/v2/demo/shop/tags/list", "/v2/", "/v2/demo/shop/tags/list",
    ]  # fmt: skip


def test_a_403_with_a_challenge_is_one(guarded: SampleRegistry, service: TokenServer) -> None:
    guarded.fault("*/tags/list", status=403, headers=bearer(service))
    assert open_repository(guarded).tags()
    assert statuses(guarded) == [403, 200]


def test_a_403_that_says_that_the_token_is_not_enough(guarded: SampleRegistry, service: TokenServer) -> None:
    source = open_repository(guarded)
    source.resolve("2.0")
    guarded.fault("*/tags/list", status=403, headers=bearer(service, error="insufficient_scope", scope="*"))
    assert source.tags()
    assert [asked.scopes for asked in service.requests] == [[SCOPE], [SCOPE, "*"]]


def test_a_403_to_one_who_said_who_he_is_is_final(guarded: SampleRegistry, service: TokenServer) -> None:
    source = open_repository(guarded)
    source.resolve("2.0")
    before = len(guarded.requests)
    guarded.fault("*/tags/list", status=403, headers=bearer(service), times=None)
    with pytest.raises(AuthError, match=r"refused access \(403\)"):
        source.tags()
    assert len(guarded.requests) == before + 1
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_who_wants_nothing_that_it_says_is_asked_at_the_front_door_once(registry: SampleRegistry, status: int) -> None:
    registry.fault("*/tags/list", status=status, times=None)
    for repository in ("demo/shop", "demo/base"):
        with pytest.raises(AuthError, match=f"refused access .{status}.*It was asked without credentials"):
            open_repository(registry, repository).tags()
    assert [request.path for request in registry.requests].count("/v2/") == 1


def test_a_front_door_that_leads_elsewhere_has_no_say(
    registry: SampleRegistry, guarded: SampleRegistry, service: TokenServer
) -> None:
    settings.credentials[registry.host] = (USER, SECRET)
    registry.fault("*/tags/list", status=401, times=None)
    registry.fault(
        "/v2/", status=307, headers={"Location": f"http://{guarded.host}/v2/demo/shop/tags/list"}, times=None
    )
    with pytest.raises(AuthError, match="refused access"):
        open_repository(registry).tags()
    assert service.requests == []
    assert {request.header("Authorization") for request in (*registry.requests, *guarded.requests)} == {None}


def test_a_token_that_has_expired_on_the_way_is_renewed(guarded: SampleRegistry, service: TokenServer) -> None:
    service.life, service.said_life = -120, 3600
    with pytest.raises(AuthError, match="refused access"):
        open_repository(guarded).tags()
    service.life = 300
    source = open_repository(guarded)
    [image] = find_images(source, resolve_name(source, "2.0", settings), ("linux/amd64",), settings)
    for layer in image.manifest.layers:
        guarded.revoke_tokens()
        with source.open_blob(layer) as blob:
            assert b"".join(blob.chunks())
    assert len(service.requests) == 2 + 1 + len(image.manifest.layers)


def test_the_401_is_met_once_for_many_repositories(guarded: SampleRegistry, service: TokenServer) -> None:
    for repository in ("demo/shop", "demo/base", "demo/hello"):
        open_repository(guarded, repository).tags()
    with pytest.raises(NotFoundError):
        open_repository(guarded, "demo/none").tags()
    assert statuses(guarded).count(401) == 1
    assert len(service.requests) == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "wants a user and a password"),
        ((USER, SECRET), "asked with the credentials of ocinb.settings.credentials"),
        (("<token>", SECRET), "asked with the credentials of ocinb.settings.credentials"),
    ],
)
def test_an_error_says_whose_credentials_were_refused_and_not_which(
    registry: SampleRegistry, given: Any, words: str
) -> None:
    if given:
        settings.credentials[registry.host] = given
    registry.fault("*/tags/list", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, times=None)
    with pytest.raises(AuthError, match=words) as caught:
        open_repository(registry).tags()
    assert not [text for text in (SECRET, USER) if text in f"{caught.value}{vars(caught.value)}"]


def test_what_a_redirect_led_to_has_no_say(registry: SampleRegistry, service: TokenServer) -> None:
    settings.credentials[registry.host] = (USER, SECRET)
    with start_registry(token=True) as stranger:
        service.guard(stranger)
        for location in (
            f"http://{stranger.host}/v2/demo/shop/tags/list",
            f"http://{stranger.host}/v2/demo/base/tags/list",
        ):
            registry.fault("*/tags/list", status=307, headers={"Location": location})
            with pytest.raises(AuthError, match=r"refused access \(401\)"):
                open_repository(registry).tags()
        assert {request.header("Authorization") for request in (*registry.requests, *stranger.requests)} == {None}
    assert service.requests == []


@pytest.mark.parametrize(
    ("place", "realm", "is_asked"),
    [
        ("10.0.0.5", "10.0.0.6", True),
        ("10.0.0.5", "192.168.0.9", True),
        ("10.0.0.5", "127.0.0.1", False),
        ("10.0.0.5", "169.254.169.254", False),
        (PUBLIC, "10.0.0.5", False),
    ],
)
def test_a_realm_is_judged_by_where_the_registry_is_and_not_by_its_name(
    registry: SampleRegistry, internet: Internet, place: str, realm: str, *, is_asked: bool
) -> None:
    with start_registry(token=True) as service:
        port = service.host.rpartition(":")[2]
        name = internet.serve("registry.corp", registry.host, place)
        internet.servers[realm] = int(port)
        settings.insecure_registries = (name, f"{realm}:{port}")
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{realm}:{port}/token",service="x"'}
        registry.fault("*/tags/list", status=401, headers=challenge, times=None)
        words = "refused access" if is_asked else "wants tokens to be asked for at .* leads from outside"
        with pytest.raises(AuthError, match=words):
            open_host(name).tags()
        assert bool(service.requests) is is_asked
