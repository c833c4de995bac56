"""Documents that lie, break limits, or are none."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.samples.images import make_json
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import DOCKER_LIST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import CONFIG, IMAGES, INDEX, LONE, World, child_edited, edited, index_of, saying

STRANGE = str(Digest.of(b"something else"))
MANIFEST = "*/manifests/1"
ARM = IMAGES[1].manifest


def _index(**changes: Any) -> Callable[[World], object]:
    """Point the tag at an index with fields changed."""
    return lambda world: world.put(edited(INDEX, **changes), OCI_INDEX)


def _child(**changes: Any) -> Callable[[World], object]:
    """Point the tag at an index whose second child is described wrongly."""
    return lambda world: world.put(child_edited(INDEX, "manifests", 1, **changes), OCI_INDEX)


def _manifest(**changes: Any) -> Callable[[World], object]:
    """Point the tag at an image manifest with fields changed."""
    return lambda world: world.put(edited(LONE, **changes))


def _layer(**changes: Any) -> Callable[[World], object]:
    """Point the tag at an image manifest whose second layer is described wrongly."""
    return lambda world: world.put(child_edited(LONE, "layers", 1, **changes))


def _bytes(raw: bytes, media_type: str = OCI_MANIFEST) -> Callable[[World], object]:
    """Point the tag at bytes that are well hashed and otherwise wrong."""
    return lambda world: world.put(raw, media_type)


def _config(raw: bytes) -> Callable[[World], object]:
    """Point the tag at an image whose config is of these bytes."""

    def arrange(world: World) -> None:
        digest = world.put_blob(raw)
        world.put(edited(LONE, config={"mediaType": OCI_CONFIG, "digest": digest, "size": len(raw)}))

    return arrange


def _flipped(pattern: str) -> Callable[[World], object]:
    def change(reply: bytes) -> bytes:
        return reply[:-2] + bytes([reply[-2] ^ 1]) + reply[-1:]

    return lambda world: world.bend(
        pattern, lambda _, reply: reply if reply.status != 200 else Reply(200, reply.headers, change(reply.body))
    )


def _deep(world: World) -> None:
    document = world.put(edited(INDEX), OCI_INDEX)
    for _ in range(4):
        document = world.put(index_of(document.descriptor()), OCI_INDEX)


def _wide(world: World) -> None:
    world.put(index_of(*[INDEX.descriptor(annotations={"n": str(n)}) for n in range(30)]), OCI_INDEX)


def _many(world: World) -> None:
    world.put(index_of(*[LONE.descriptor(platform={"os": "linux", "architecture": f"a{n}"}) for n in range(30)]))
    world.put(index_of(*[LONE.descriptor()] * 30), OCI_INDEX)


def _cyclic(world: World) -> None:
    """Answer the question for an inner index by the outer one."""
    outer = world.put(index_of({"mediaType": OCI_INDEX, "digest": STRANGE, "size": 200}), OCI_INDEX)
    answer = Reply(200, (("Content-Type", OCI_INDEX), ("Docker-Content-Digest", STRANGE)), outer.raw)
    world.bend(f"*/manifests/{STRANGE}", answer)


def _embedded(data: str) -> Callable[[World], object]:
    return _manifest(config={**CONFIG.descriptor(), "data": data})


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(size // 2**20)), packer.flush()])


ROWS = [
    Row(
        "a digest in the header that is another's",
        "layers",
        lambda world: world.bend(MANIFEST, saying(INDEX.raw, Docker_Content_Digest=STRANGE)),
        IntegrityError,
        STRANGE,
    ),
    Row(
        "a digest in the header that is none",
        "layers",
        lambda world: world.bend(MANIFEST, saying(INDEX.raw, Docker_Content_Digest="nonsense")),
        InvalidError,
        "'nonsense'",
    ),
    Row(
        "a digest in the header that is a path",
        "layers",
        lambda world: world.bend(MANIFEST, saying(INDEX.raw, Docker_Content_Digest="sha256:../../../etc/passwd")),
        InvalidError,
    ),
    Row(
        "another manifest than the digest asked for",
        "layers",
        lambda world: world.bend(f"*/manifests/{ARM.digest}", saying(LONE.raw, Docker_Content_Digest=None)),
        IntegrityError,
        ARM.digest,
    ),
    Row(
        "another manifest, and a header that agrees with it",
        "layers",
        lambda world: world.bend(f"*/manifests/{ARM.digest}", saying(LONE.raw, Docker_Content_Digest=LONE.digest)),
        IntegrityError,
        ARM.digest,
    ),
    Row("a manifest with one bit flipped", "layers", _flipped(f"*/manifests/{ARM.digest}"), IntegrityError, ARM.digest),
    Row(
        "a config with one bit flipped", "configs", _flipped(f"*/blobs/{CONFIG.digest}"), IntegrityError, CONFIG.digest
    ),
    Row(
        "a config longer than the manifest says",
        "configs",
        _manifest(config={**CONFIG.descriptor(), "size": len(CONFIG.raw) - 1}),
        IntegrityError,
    ),
    Row(
        "a config shorter than the manifest says",
        "configs",
        _manifest(config={**CONFIG.descriptor(), "size": len(CONFIG.raw) + 1}),
        IntegrityError,
    ),
    Row(
        "a config that is not there",
        "configs",
        _manifest(config={**CONFIG.descriptor(), "digest": STRANGE}),
        NotFoundError,
        STRANGE,
    ),
    Row("a child of another size", "layers", _child(size=len(ARM.raw) + 1), IntegrityError, ARM.digest),
    Row("a child that is not there", "layers", _child(digest=STRANGE), NotFoundError, STRANGE),
    Row("a child whose digest is a path", "manifests", _child(digest="sha256:../../../../etc/passwd"), InvalidError),
    Row("a child whose digest is too short", "manifests", _child(digest="sha256:abc"), InvalidError),
    Row("a child of an unknown algorithm", "manifests", _child(digest="md5:" + "0" * 32), InvalidError, "md5"),
    Row("a child without a digest", "manifests", _child(digest=None), InvalidError),
    Row("a negative size", "manifests", _child(size=-1), InvalidError, "-1"),
    Row("a size that is a text", "manifests", _child(size="1"), InvalidError, "size"),
    Row("a size that is true", "manifests", _child(size=True), InvalidError, "size"),
    Row("a size beyond all disks", "layers", _layer(size=2**63), InvalidError, "size"),
    Row("a size of a thousand digits", "layers", _layer(size=10**1000), InvalidError),
    Row(
        "a config that says it has a terabyte",
        "configs",
        _manifest(config={**CONFIG.descriptor(), "size": 10**12}),
        InvalidError,
        "max_manifest_bytes",
    ),
    Row(
        "a manifest beyond the limit",
        "document",
        _bytes(make_json({"schemaVersion": 2, "pad": "x" * 3000})),
        InvalidError,
        "limit",
        settings={"max_manifest_bytes": 2000},
    ),
    Row(
        "a manifest that never ends",
        "document",
        lambda world: world.bend(MANIFEST, Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 100_000)),
        InvalidError,
        "limit",
        settings={"max_manifest_bytes": 2000},
    ),
    Row(
        "a config beyond the limit",
        "configs",
        _config(make_json({"pad": "x" * 3000})),
        InvalidError,
        "max_manifest_bytes",
        settings={"max_manifest_bytes": 2000},
    ),
    Row(
        "indexes in indexes in indexes",
        "manifests",
        _deep,
        InvalidError,
        "max_index_depth",
        settings={"max_index_depth": 3},
    ),
    Row(
        "an index named thirty times, with two images",
        "manifests",
        _wide,
        InvalidError,
        "max_index_children",
        settings={"max_index_children": 20},
    ),
    Row(
        "more children than the limit",
        "manifests",
        _many,
        InvalidError,
        "max_index_children",
        settings={"max_index_children": 20},
    ),
    Row(
        "a manifest that unpacks to far more than the limit",
        "document",
        lambda world: world.bend(MANIFEST, saying(_bomb(2**26), Content_Encoding="gzip", Docker_Content_Digest=None)),
        InvalidError,
        "limit",
    ),
    Row("an index that is answered by the one around it", "manifests", _cyclic, IntegrityError, STRANGE),
    Row("broken JSON", "manifests", _bytes(b'{"schemaVersion": 2,'), InvalidError),
    Row("a list where an object belongs", "manifests", _bytes(b"[]"), InvalidError),
    Row(
        "an empty body",
        "manifests",
        lambda world: world.bend(MANIFEST, saying(b"", Docker_Content_Digest=None)),
        InvalidError,
        "empty",
    ),
    Row(
        "a web page",
        "manifests",
        lambda world: world.bend(
            MANIFEST, saying(b"<html>log in</html>", Docker_Content_Digest=None, Content_Type="text/html")
        ),
        InvalidError,
        "web page",
    ),
    Row("duplicate keys", "layers", _bytes(LONE.raw[:-1] + b', "layers": []}'), InvalidError, "layers"),
    Row("bytes that are no UTF-8", "layers", _bytes(LONE.raw[:-2] + b', "annotations": {"a": "\xff"}}'), InvalidError),
    Row("something behind the document", "layers", _bytes(LONE.raw + b"{}"), InvalidError),
    Row("a number that is none", "layers", _bytes(LONE.raw[:-2] + b', "annotations": NaN}'), InvalidError),
    Row("lists in lists in lists", "layers", _bytes(b'{"a": ' + b"[" * 100_000), InvalidError),
    Row("layers that are an object", "layers", _manifest(layers={}), InvalidError, "layers"),
    Row("layers that are numbers", "layers", _manifest(layers=[1, 2]), InvalidError, "layers"),
    Row("a layer without a size", "layers", _layer(size=None), InvalidError, "size"),
    Row("manifests that are a text", "manifests", _index(manifests="all of them"), InvalidError, "manifests"),
    Row("a media type that is a number", "manifests", _index(mediaType=2), InvalidError, "mediaType"),
    Row("a platform that is a text", "manifests", _child(platform="linux/amd64"), InvalidError, "platform"),
    Row("a schema that is not there yet", "layers", _manifest(schemaVersion=3), InvalidError, "schemaVersion"),
    Row("a manifest without a config", "layers", _manifest(config=None), InvalidError, "config"),
    Row("a manifest that is an index too", "layers", _manifest(manifests=[]), InvalidError, "at once"),
    Row("an index that has layers", "layers", _index(layers=[]), InvalidError, "at once"),
    Row(
        "an index under the type of a manifest",
        "manifests",
        lambda world: world.bend(MANIFEST, saying(INDEX.raw, Content_Type=OCI_MANIFEST)),
        InvalidError,
        "was served as",
    ),
    Row(
        "an index under the type of Docker's",
        "manifests",
        lambda world: world.bend(MANIFEST, saying(INDEX.raw, Content_Type=DOCKER_LIST)),
        InvalidError,
        "was served as",
    ),
    Row("a config that is a list", "configs", _config(b"[]"), InvalidError),
    Row(
        "a config with an environment of numbers",
        "configs",
        _config(
            make_json(
                {
                    "os": "linux",
                    "architecture": "amd64",
                    "config": {"Env": [1]},
                    "rootfs": {"type": "layers", "diff_ids": []},
                }
            )
        ),
        InvalidError,
    ),
    Row(
        "a config with a diff_id that is a path",
        "layers",
        _config(
            make_json(
                {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["../..", "../.."]}}
            )
        ),
        InvalidError,
    ),
    Row(
        "embedded data of another digest",
        "configs",
        _embedded(base64.b64encode(b"x" * len(CONFIG.raw)).decode()),
        IntegrityError,
    ),
    Row("embedded data that is no base64", "configs", _embedded("****"), InvalidError),
    Row(
        "an empty config whose data is not empty",
        "layers",
        _manifest(
            config={
                "mediaType": OCI_EMPTY,
                "digest": str(Digest.of(b"{}")),
                "size": 2,
                "data": base64.b64encode(b"[]").decode(),
            }
        ),
        IntegrityError,
    ),
    Row(
        "a manifest that breaks off",
        "document",
        lambda world: world.bend(MANIFEST, lambda _, reply: Reply(reply.status, reply.headers, reply.body, cut=10)),
        TransportError,
    ),
]
