"""The stops of the way in are found among the exchanges, in whatever order they came."""

from __future__ import annotations

from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.collect import Stop, answer_with, find_way_in
from ocinb.spec.digest import Digest

DIGEST = Digest.of(b"manifest")
BEARER = 'Basic realm="x", Bearer realm="https://auth.example/token",service="s"'


def exchange(path: str, status: int | None, *, reason: str = "", **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("GET", f"https://registry.example{path}", status, False, 0, 0.1, reason, {}, named)  # noqa: FBT003


def test_all_stops_of_the_usual_way() -> None:
    way = [
        exchange("/v2/a/manifests/1", None),
        exchange("/v2/a/manifests/1", 401, www_authenticate=BEARER),
        exchange("/token", 200, reason="token for repository:a:pull"),
        exchange("/v2/a/manifests/1", 200, docker_content_digest=DIGEST),
        exchange("/v2/a/blobs/x", 401),
    ]
    found = find_way_in(way)
    assert (found.first, found.refused, found.token, found.let_in) == tuple(Stop(n, way[n]) for n in (1, 1, 2, 3))
    assert found.challenge is not None
    assert found.challenge.scheme == "bearer"
    assert found.token is not None
    assert found.token.line('"url"]') == 'wire.frame.loc[2, "url"]'
    assert answer_with(way, DIGEST) == way[3]
    assert answer_with(way, Digest.of(b"other")) is None


def test_an_open_door_has_no_challenge() -> None:
    found = find_way_in([exchange("/v2/a/manifests/1", 200)])
    assert (found.refused, found.token, found.challenge) == (None, None, None)


def test_of_nothing_nothing_is_found() -> None:
    found = find_way_in([])
    assert (found.first, found.let_in) == (None, None)
