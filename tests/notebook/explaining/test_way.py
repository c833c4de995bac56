"""The stops of the way in are found among the exchanges, in whatever order they came."""

from __future__ import annotations

from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.collect import find_way_in
from ocinb.spec.digest import Digest

DIGEST = Digest.of(b"manifest")
BEARER = 'Basic realm="x", Bearer realm="https://auth.example/token",service="s"'


def exchange(path: str, status: int | None, *, reason: str = "", **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange("GET", f"https://registry.example{path}", status, False, 0, 0.1, reason, {}, named)  # noqa: FBT003


def test_an_open_door_has_no_challenge() -> None:
    found = find_way_in([exchange("/v2/a/manifests/1", 200)])
    assert (found.refused, found.token, found.challenge) == (None, None, None)
