"""A registry that means harm, a stranger beside it, and an image that is worth protecting.

Every question needs a token, and every token a password: with each of them there is something to lose.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from ocinb.samples.handlers import answer_to, parse_route
from ocinb.samples.http import Request
from ocinb.samples.images import Image, Manifest, Step, make_image, make_index, make_json, make_layer
from ocinb.samples.registry_content import Content
from ocinb.samples.signed_images import cosign_signature, cosign_tag, signature
from ocinb.samples.tars import file, noise
from ocinb.samples.tokens import TokenIssuer
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from tests.hostile.server import Reply, Server, serving

REPOSITORY = "demo/app"
USER, SECRET = "ada", "s3cret-of-ada"

Bend = Callable[[Request, Reply], Reply]
JSON = dict[str, Any]


def make_sample(platform: str) -> Image:
    """Build an image of two layers, the second of which is large enough to break off in the middle."""
    created = "2025-05-01T12:00:00Z"
    small = make_layer([file("etc/motd", f"Hello from {platform}\n")])
    large = make_layer([file("data", noise(platform, 200_000))], compression="none")
    return make_image(platform, [Step("COPY motd /etc/", created, small), Step("COPY data /", created, large)])


IMAGES = [make_sample("linux/amd64"), make_sample("linux/arm64")]
INDEX = make_index([(image.manifest, image.descriptor()) for image in IMAGES])
LONE = IMAGES[0].manifest
CONFIG, SMALL, LARGE = LONE.blobs


def _honest_content() -> Content:
    content = Content()
    content.add(REPOSITORY, INDEX, "1", "latest")
    content.tag(REPOSITORY, "lone", LONE.digest)
    content.add(REPOSITORY, signature(INDEX))
    content.add(REPOSITORY, cosign_signature(INDEX, "registry.example/demo/app"), cosign_tag(INDEX))
    return content


@dataclass
class World:
    """The two servers, what the registry holds, and in which ways it lies at the moment."""

    registry: Server
    stranger: Server
    issuer: TokenIssuer
    content: Content = field(default_factory=_honest_content)
    bends: list[tuple[str, Bend]] = field(default_factory=list)
    stray: Callable[[Request], Reply] | None = None
    moved: bool = False  # whether a tag points somewhere else, which may be believed for its life
    tokens: set[str] = field(default_factory=set)

    @property
    def host(self) -> str:
        """The name of the registry."""
        return self.registry.host

    def reference(self, tag: str = "1") -> str:
        """Name an image in it."""
        return f"{self.host}/{REPOSITORY}{'' if tag.startswith('@') else ':'}{tag}"

    def bend(self, pattern: str, change: Bend | Reply) -> None:
        """Change the answers to some paths, before anybody asks who wants to know."""
        self.bends.append((pattern, change if callable(change) else lambda _, __: change))

    def put(self, document: JSON | bytes, media_type: str = OCI_MANIFEST, *, tag: str = "1") -> Manifest:
        """Let a tag point at a document of the test's own."""
        raw = document if isinstance(document, bytes) else make_json(document)
        manifest = Manifest(raw, media_type)
        self.content.put_manifest(REPOSITORY, manifest, manifest.digest)
        self.content.tag(REPOSITORY, tag, manifest.digest)
        self.moved = True
        return manifest

    def put_blob(self, raw: bytes) -> Digest:
        """Hold a blob of the test's own."""
        digest = Digest.of(raw)
        self.content.blobs[digest] = raw
        return digest

    def heal(self) -> None:
        """Be honest from now on."""
        self.bends.clear()
        self.stray = None
        self.content = _honest_content()

    def secrets(self) -> list[bytes]:
        """Give all that opens something, in every form in which it went over the wire."""
        pair = f"{USER}:{SECRET}"
        basic = base64.b64encode(pair.encode()).decode()
        return [text.encode() for text in (SECRET, pair, basic, *self.tokens)]

    def answer(self, request: Request) -> Reply:
        """Answer as a registry with tokens does, and bend what is to be bent."""
        honest = self._honest(request)
        for pattern, change in self.bends:
            if any(fnmatchcase(path, pattern) for path in (request.path, request.resource)):
                honest = change(request, honest)
        return honest

    def answer_stray(self, request: Request) -> Reply:
        """Answer as the stranger, to whom nobody should have come."""
        return self.stray(request) if self.stray else Reply(404, body=b"who are you?")

    def _honest(self, request: Request) -> Reply:
        if request.resource == "/token":
            answer = self.issuer.token_answer(request)
            self.tokens |= {json.loads(answer.body).get("token", SECRET)}
            return Reply.of(answer)
        refusal = self.issuer.refusal(request, parse_route(request.resource).scope)
        return Reply.of(refusal or answer_to(request, self.content))


@contextmanager
def hostile_world(tls: ssl.SSLContext | None = None) -> Iterator[World]:
    """Run both servers; over TLS the stranger still speaks plain http, which is what is wrong with it."""

    def answer(request: Request) -> Reply:
        return world.answer(request)

    def answer_stray(request: Request) -> Reply:
        return world.answer_stray(request)

    with serving(answer, tls=tls) as registry, serving(answer_stray) as stranger:
        world = World(registry, stranger, TokenIssuer(f"{registry.base}/token", (USER, SECRET)))
        yield world


def edited(manifest: Manifest, **changes: Any) -> JSON:
    """Give a document with some fields changed; None takes one away."""
    document: JSON = json.loads(manifest.raw)
    return {key: value for key, value in (document | changes).items() if value is not None}


def child_edited(manifest: Manifest, place: str, position: int, **changes: Any) -> JSON:
    """Give a document in which one descriptor of a list is changed."""
    document: JSON = json.loads(manifest.raw)
    document[place][position] |= changes
    return document


def index_of(*descriptors: JSON) -> JSON:
    """Make an index of descriptors."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(descriptors)}


def authorized(change: Callable[[Reply], Reply]) -> Bend:
    """Change only what somebody with a token is told: that is who has something to lose."""

    def bend(request: Request, reply: Reply) -> Reply:
        return change(reply) if request.header("Authorization") and reply.status < 400 else reply

    return bend


def redirecting(location: str, status: int = 307) -> Bend:
    """Send those with a token elsewhere."""
    return authorized(lambda _: Reply(status, (("Location", location),)))


def saying(body: bytes, **headers: str | None) -> Bend:
    """Tell those with a token something else."""
    return authorized(lambda reply: replace(reply, body=body).with_headers(**headers))
