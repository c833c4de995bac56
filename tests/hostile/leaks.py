"""Redirects, links and realms that lead credentials, or the one who has them, where they do not belong."""

from __future__ import annotations

from collections.abc import Callable

from ocinb.errors import AuthError, IntegrityError, NotFoundError, TransportError
from ocinb.samples.http import Request
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import INDEX, LARGE, World, authorized, redirecting

TAG = "*/manifests/1"
BLOB = f"*/blobs/{LARGE.digest}"
TAGS = "*/tags/list*"


def _away(
    pattern: str, *, status: int = 307, path: str = "/elsewhere", reply: Reply | None = None
) -> Callable[[World], object]:
    """Lead to the stranger, who says something of its own."""

    def arrange(world: World) -> None:
        world.bend(pattern, redirecting(f"{world.stranger.base}{path}", status))
        world.stray = None if reply is None else lambda _: reply

    return arrange


def _to(location: str, pattern: str = TAG) -> Callable[[World], object]:
    return lambda world: world.bend(pattern, redirecting(location))


def _asking(scheme: str) -> Callable[[World], object]:
    """Lead to the stranger, who asks for credentials, and has a realm at the registry or at its own place."""

    def arrange(world: World) -> None:
        world.bend(TAG, redirecting(f"{world.stranger.base}/elsewhere"))
        challenge = f'{scheme} realm="{world.registry.base}/token",service="x",scope="repository:demo/app:pull"'
        world.stray = lambda _: Reply(401, (("WWW-Authenticate", challenge),))

    return arrange


def _loop(world: World) -> None:
    world.bend(TAG, redirecting(f"{world.stranger.base}/elsewhere"))
    world.stray = lambda _: Reply(302, (("Location", f"{world.registry.base}/v2/demo/app/manifests/1"),))


def _back(world: World) -> None:
    """Lead to the stranger, and from there back to what only a token opens."""
    secret = f"{world.registry.base}/v2/demo/app/manifests/{INDEX.digest}"
    world.bend(TAG, redirecting(f"{world.stranger.base}/elsewhere"))
    world.stray = lambda _: Reply(302, (("Location", secret),))


def _link(url: str) -> Callable[[World], object]:
    def arrange(world: World) -> None:
        target = url.format(stranger=world.stranger.host)
        world.bend(TAGS, authorized(lambda reply: reply.with_headers(Link=f'<{target}>; rel="next"')))
        world.stray = lambda _: Reply(200, (), b'{"tags": ["stolen"]}')

    return arrange


def _realm(realm: str, *, stray: Reply | None = None) -> Callable[[World], object]:
    """Want tokens to be asked for elsewhere."""

    def arrange(world: World) -> None:
        port = world.stranger.host.rpartition(":")[
            2
        ]  # another port of one name is no stranger to passwords, says docker
        where = realm.format(stranger=f"localhost:{port}", registry=world.registry.host)
        challenge = (("WWW-Authenticate", f'Bearer realm="{where}",service="x"'),)
        world.bend("/v2/*", lambda _, reply: Reply(401, challenge) if reply.status == 401 else reply)
        world.stray = None if stray is None else lambda _: stray

    return arrange


def _token_elsewhere(status: int) -> Callable[[World], object]:
    """Lead from the token service to the stranger, who gives a token."""

    def arrange(world: World) -> None:
        world.bend("/token", lambda _, __: Reply(status, (("Location", f"{world.stranger.base}/token"),)))
        world.stray = lambda _: Reply(200, (), b'{"token": "of-the-stranger"}')

    return arrange


def _cookie(world: World) -> None:
    """Hand out a cookie, and then lead to the stranger on the same host, which is all that cookies look at."""

    def bend(_: Request, reply: Reply) -> Reply:
        return reply.with_headers(Set_Cookie="session=s3cret-of-ada; Path=/")

    world.bend("/*", bend)
    world.bend(BLOB, redirecting(f"{world.stranger.base}/elsewhere"))


GONE = NotFoundError  # what the stranger says when it says nothing of its own

ROWS = [
    *[
        Row(f"a manifest led away by {status}", "layers", _away(TAG, status=status), GONE)
        for status in (301, 302, 303, 307, 308)
    ],
    Row("a blob led away", "pull", _away(BLOB), GONE),
    Row(
        "a blob led away to other bytes",
        "pull",
        _away(BLOB, reply=Reply(200, (), b"x" * len(LARGE.raw))),
        IntegrityError,
    ),
    Row("a blob led away to where it is", "pull", _away(BLOB, reply=Reply(200, (), LARGE.raw)), None),
    Row(
        "a manifest led away to another",
        "document",
        _away(TAG, reply=Reply(200, (("Content-Type", "application/json"),), b"{}")),
        None,
    ),
    Row("a list led away", "tags", _away(TAGS), GONE),
    Row("a head led away", "digests", _away("*/manifests/*"), None),
    Row("a catalogue led away", "repositories", _away("/v2/_catalog*"), GONE),
    Row("a stranger that wants a token of the registry", "layers", _asking("Bearer"), AuthError),
    Row("a stranger that wants a password", "layers", _asking("Basic"), AuthError),
    Row("a redirect around and around", "layers", _loop, AuthError),
    Row("a redirect away and back", "layers", _back, AuthError),
    Row("a redirect to itself", "layers", _to("?"), TransportError, "redirects"),
    Row("a redirect to a file", "layers", _to("file:///etc/passwd"), TransportError, "refused"),
    Row("a redirect to a script", "layers", _to("javascript:alert(1)"), TransportError, "refused"),
    Row("a redirect to another protocol", "layers", _to("gopher://127.0.0.1:70/"), TransportError, "refused"),
    Row("a redirect to no address", "layers", _to("http://[::1"), TransportError),
    Row("a redirect to a port that is none", "layers", _to("http://127.0.0.1:99999/"), TransportError),
    Row("a redirect that moves a terminal", "layers", _to("http://127.0.0.1:1/\x1b[2J"), TransportError),
    Row(
        "a redirect that takes a user along",
        "layers",
        lambda world: _to(f"http://ada:pw@{world.stranger.host}/")(world),
        TransportError,
    ),
    Row("a redirect to an empty place", "layers", _to(""), TransportError, "307"),
    Row(
        "a redirect without a place",
        "layers",
        lambda world: world.bend(TAG, authorized(lambda _: Reply(307))),
        TransportError,
        "307",
    ),
    Row(
        "a list that goes on at a stranger's",
        "tags",
        _link("http://{stranger}/v2/demo/app/tags/list?last=1"),
        TransportError,
        "another host",
    ),
    Row(
        "a list that goes on at a stranger's, without a scheme",
        "tags",
        _link("//{stranger}/v2/demo/app/tags/list?last=1"),
        TransportError,
        "another host",
    ),
    Row("a list that goes on in a file", "tags", _link("file:///etc/passwd"), TransportError),
    Row("a list that goes on over TLS", "tags", _link("https://{stranger}/"), TransportError, "another host"),
    Row(
        "a list that goes on in itself",
        "tags",
        _link("/v2/demo/app/tags/list?n=1000"),
        TransportError,
        "page of its own",
    ),
    Row(
        "a catalogue that goes on at a stranger's",
        "repositories",
        lambda world: world.bend(
            "/v2/_catalog*", authorized(lambda reply: reply.with_headers(Link=f'<{world.stranger.base}/>; rel="next"'))
        ),
        TransportError,
        "another host",
    ),
    Row(
        "tokens from a stranger",
        "layers",
        _realm("http://{stranger}/token", stray=Reply(200, (), b'{"token": "t"}')),
        AuthError,
    ),
    Row(
        "tokens from a stranger that wants the password",
        "layers",
        _realm("http://{stranger}/token", stray=Reply(401, (("WWW-Authenticate", 'Basic realm="x"'),))),
        AuthError,
    ),
    Row("tokens out of a file", "layers", _realm("file:///etc/passwd"), AuthError, "refused"),
    Row("tokens from nowhere", "layers", _realm("http://[::1"), AuthError),
    Row("tokens from a realm with a user", "layers", _realm("http://eve:pw@{registry}/token"), AuthError),
    Row("tokens from the metadata service", "layers", _realm("http://169.254.169.254/latest"), AuthError, "refused"),
    *[
        Row(f"a token service that leads away by {status}", "layers", _token_elsewhere(status), AuthError)
        for status in (302, 307)
    ],
    Row(
        "a redirect to the metadata service",
        "layers",
        _to("http://169.254.169.254/latest/meta-data"),
        TransportError,
        "refused",
    ),
    Row("a cookie that might go along", "pull", _cookie, GONE),
    Row("a redirect that hides a line end", "layers", _to("/x%0d%0aAuthorization:%20x"), NotFoundError),
]
