"""The index: what the name points at, and why one of the manifests in it was taken and all others were not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocinb._text import counted
from ocinb.errors import InvalidError
from ocinb.frames.document_rows import child_row, config_rows
from ocinb.notebook.explain.chapters_access import could_not
from ocinb.notebook.explain.collect import ImageFacts, answer_with
from ocinb.notebook.explain.steps import Verdict, hash_in_steps, with_a_bit_turned
from ocinb.notebook.explain.story import (
    CONFIG_SPEC,
    DIGESTS_SPEC,
    INDEX_SPEC,
    MANIFEST_SPEC,
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Listing,
    Moment,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Spans,
    Strong,
    Table,
    columns,
)
from ocinb.sources.images import Image
from ocinb.spec.documents import Manifest, RawDocument, digested_bytes
from ocinb.spec.mediatypes import DOCKER_SCHEMA1_SIGNED

_COLUMNS = ("position", "kind", "platform", "digest", "manifest_bytes")
_LONE = (
    "The name points at a manifest itself, which is that of one image for one platform. Many images have an index "
    "before it, a list of manifests with the platform of each; here there was nothing to choose."
)
_NONE_KEPT = (
    "A docker-archive keeps neither an index nor a manifest: it names one image for one platform by its config and its "
    "layers, so there was nothing to choose."
)
_RULE = "Operating system and architecture have to be the same; of the variants the same, else the nearest lower one."
_LIST = (
    "The name points at an index: a list of manifests, with a platform for each. Its digest is the name of all of them "
    "together, and each entry names its manifest by digest, so nobody can exchange one unseen."
)


def index_chapter(story: ImageFacts) -> Chapter:
    """Tell of the index, and of the choice."""
    if not story.resolved.is_index:
        is_kept = story.asked.reference.transport != "docker-archive"
        gist = ("there is none: the name leads to one manifest" if is_kept else "there is none in a docker-archive",)
        return Chapter("The index, and the choice", gist, (Prose((_LONE if is_kept else _NONE_KEPT,)),), (INDEX_SPEC,))
    parts: list[Part] = [Prose((_LIST,)), Figures(_figures(story)), Prose(_wanted(story)), _table(story)]
    return Chapter("The index, and the choice", _index_summary(story), tuple(parts), (INDEX_SPEC, DIGESTS_SPEC))


def _index_summary(story: ImageFacts) -> Spans:
    manifests = counted(len(story.verdicts), "manifest")
    if story.chosen is None:
        return (f"{manifests}, and none of them is an image",)
    platform = story.chosen.descriptor.platform
    taken = Code(str(platform)) if platform else "the only image"
    return (f"{manifests}, of which one is taken: ", taken)


def _wanted(story: ImageFacts) -> Spans:
    asked = story.asked
    wanted = asked.platform or asked.default_platform
    why = "which is what the settings say" if asked.platform is None else "which is what was asked for"
    return ("Wanted is ", Code(wanted), f", {why}. {_RULE}")


def _figures(story: ImageFacts) -> tuple[Figure, ...]:
    document, asked = story.resolved.document, story.asked
    default = (Code(asked.default_platform), "" if asked.platform is None else ", but another one was asked for")
    algorithm = document.digest.algorithm
    return (
        Figure("media type", (Code(document.media_type),), "ocinb.document(ref).media_type", document.media_type),
        Figure("size", (Size(len(document.raw)),), "len(ocinb.document(ref).raw)", len(document.raw)),
        Figure("digest", (Hash(document.digest),), "ocinb.document(ref).digest", document.digest),
        Figure(
            f"{algorithm} of its bytes",
            (Hash(document.digest.hex),),
            f"hashlib.{algorithm}(ocinb.document(ref).raw).hexdigest()",
            document.digest.hex,
        ),
        Figure("manifests in it", (f"{len(story.verdicts):,}",), "len(ocinb.manifests(ref))", len(story.verdicts)),
        Figure("usual platform", default, "ocinb.settings.platform", asked.default_platform),
    )


def _table(story: ImageFacts) -> Table:
    told = [child_row(verdict.child) for verdict in story.verdicts]
    value = [[row.get(name) for name in _COLUMNS] for row in told]
    heads = ("#position", "what it is", "platform", "digest", "#size", "taken?")
    rows = tuple(
        _row(verdict, row["kind"], row.get("platform")) for verdict, row in zip(story.verdicts, told, strict=True)
    )
    return Table(
        "Every manifest, and why it was taken or not", heads, rows, f"ocinb.manifests(ref){columns(*_COLUMNS)}", value
    )


def _row(verdict: Verdict, kind: str, platform: str | None) -> Row:
    child = verdict.child
    cells = (
        (str(child.position),),
        (kind,),
        (Code(platform),) if platform else ("—",),
        (Hash(child.descriptor.digest),),
        (Size(child.descriptor.size),),
        (Strong("taken"), f": {verdict.reason}") if verdict.is_taken else (verdict.reason,),
    )
    return Row(cells, "taken" if verdict.is_taken else "aside" if kind != "image" else "")


_HASHED = (
    "Nobody has to be believed: the digest is computed from the bytes as they came, with every blank in them. The "
    "hash is fed with a few more of them in each row; what stands in the last one has to be the digest, or the "
    "document is refused."
)
_MADE = (
    " A docker-archive keeps no manifest, so this one is made from its config and its layers; it is the same each time."
)
_SIGNED = (
    "This manifest of Docker's schema 1 is signed, and its digest is that of the part that was signed: the first "
    "bytes, as many as the protected header says, with the tail that it has."
)
# How the signed part is put together by hand.
_SIGNED_LINES = (
    "import base64, json",
    'header = json.loads(raw)["signatures"][0]["protected"]',
    'protected = json.loads(base64.urlsafe_b64decode(header + "=="))',
    'tail = base64.urlsafe_b64decode(protected["formatTail"] + "==")',
    'raw = raw[:protected["formatLength"]] + tail',
)


def manifest_chapter(story: ImageFacts) -> Chapter:
    """Tell of the manifest."""
    title, document = "The manifest, hashed", story.document
    if document is None:
        why = could_not(story.image, "There is no image in this index, so there is no manifest of one.")
        return Chapter(title, ("there is none to show",), (why,), (MANIFEST_SPEC,))
    hashed = _hashed(document)
    made = _MADE if story.asked.reference.transport == "docker-archive" else ""
    parts: list[Part] = [
        Prose((_HASHED + made,)),
        Setup((f"manifest = {story.document_lines.call('document')}", "raw = manifest.raw")),
        Listing(
            "The bytes, as they were made" if made else "The bytes, as they came",
            document.raw.decode("utf-8", "replace"),
        ),
        Figures(_size(document)),
    ]
    if hashed is not document.raw:
        parts += [Prose((_SIGNED,)), Setup(_SIGNED_LINES)]
    parts += _steps(document, hashed)
    parts += [_said(story, document)] if answer_with(story.exchanges, document.digest) else []
    if story.read is not None:
        parts += _contents(story, story.read)
    else:
        parts.append(could_not(story.image, "It cannot be read."))
    gist = (Size(len(document.raw)), " whose ", Code(document.digest.algorithm), " is ", Hash(document.digest.hex))
    return Chapter(title, gist, tuple(parts), (MANIFEST_SPEC, DIGESTS_SPEC))


def _hashed(document: RawDocument) -> bytes:
    """Give the bytes that the digest is of."""
    if document.media_type != DOCKER_SCHEMA1_SIGNED:
        return document.raw
    try:
        return digested_bytes(document.raw, f"the manifest {document.digest}")
    except InvalidError:  # whoever served it vouched for all of its bytes
        return document.raw


def _size(document: RawDocument) -> tuple[Figure, ...]:
    return (
        Figure("media type", (Code(document.media_type),), "manifest.media_type", document.media_type),
        Figure("bytes", (f"{len(document.raw):,}",), "len(raw)", len(document.raw)),
    )


def _steps(document: RawDocument, raw: bytes) -> list[Part]:
    algorithm, digest = document.digest.algorithm, document.digest
    steps = list(hash_in_steps(raw, algorithm))
    rows = tuple(
        Row(
            ((f"{step.taken:,}",), (Hash(step.hex), _remark(step.taken, len(raw)))),
            "taken" if step.taken == len(raw) else "",
            line=f"hashlib.{algorithm}(raw[:{step.taken}]).hexdigest()",
            value=step.hex,
        )
        for step in steps
    )
    heads = ("#bytes so far", f"{algorithm} of them")
    turned = with_a_bit_turned(raw, algorithm)
    figures = (
        Figure("digest", (Hash(digest.hex), " ", Strong("equal")), f"hashlib.{algorithm}(raw).hexdigest()", digest.hex),
        Figure(
            "with one bit turned",
            (Hash(turned), " another one altogether"),
            f"hashlib.{algorithm}(bytes([raw[0] ^ 1]) + raw[1:]).hexdigest()",
            turned,
        ),
    )
    table = Table("The hash, as it takes in the bytes", heads, rows)
    return [table, Figures(figures)]


def _remark(taken: int, count: int) -> str:
    return " all of them: this is the digest" if taken == count else ""


def _said(story: ImageFacts, document: RawDocument) -> Prose:
    answer = answer_with(story.exchanges, document.digest)
    said = answer.response_headers.get("docker-content-digest") if answer else None
    if said is None:
        return Prose(("The registry did not say what the digest is; it did not have to.",))
    spans: Spans = ("The registry said so too, in the header ", Code("Docker-Content-Digest"), ": ", Hash(said))
    return Prose((*spans, ". That is no proof; the hash is."))


def _contents(story: ImageFacts, image: Image) -> list[Part]:
    manifest = image.manifest
    figures = _config_figures(manifest)
    count = len(manifest.layers)
    named = "layers" if story.runs else "blobs"
    figures.append(Figure(f"{named} that it names", (f"{count:,}",), f"len({story.lines.call('layers')})", count))
    if manifest.artifact_type:
        line = 'manifest.json["artifactType"]'
        figures.append(Figure("artifact type", (Code(manifest.artifact_type),), line, manifest.artifact_type))
    if manifest.subject:
        line = 'manifest.json["subject"]["digest"]'
        figures.append(Figure("refers to", (Hash(manifest.subject.digest),), line, str(manifest.subject.digest)))
    parts: list[Part] = [Prose(("A manifest holds nothing itself: it names a config and layers by their digests.",))]
    parts.append(Figures(tuple(figures)))
    if manifest.annotations:
        rows = tuple(Row(((Code(key),), (Code(text),))) for key, text in manifest.annotations.items())
        parts.append(Table("Annotations", ("key", "value"), rows, 'manifest.json["annotations"]', manifest.annotations))
    return parts


def _config_figures(manifest: Manifest) -> list[Figure]:
    if manifest.config is None:
        return []
    config = manifest.config
    return [
        Figure("its config", (Hash(config.digest),), 'manifest.json["config"]["digest"]', str(config.digest)),
        Figure(
            "type of the config", (Code(config.media_type),), 'manifest.json["config"]["mediaType"]', config.media_type
        ),
    ]


_TOLD = (
    "The config is a blob like a layer, and is fetched by its digest. It says what is to be run, and in the same "
    "document how the image came about and which layers belong to it: so its digest, which docker calls the image ID, "
    "is that of the whole image, however its layers are compressed."
)
_INSIDE = (
    "Docker's schema 1 has no config of its own. What is told here stands in the manifest, as the newest "
    "v1Compatibility."
)
_ARTIFACT = "This is an artifact and no image: its config, if it has one, is none that could be run."
_FIELDS = {
    "created": "built at",
    "author": "author",
    "os": "operating system",
    "architecture": "architecture",
    "variant": "variant",
    "user": "runs as",
    "entrypoint": "entrypoint",
    "cmd": "command",
    "working_dir": "in the folder",
    "exposed_ports": "listens at",
    "volumes": "volumes",
    "stop_signal": "is stopped by",
}
_UNSET = {"user": "not set, so as root", "entrypoint": "not set", "cmd": "not set"}


def config_chapter(story: ImageFacts) -> Chapter:
    """Tell of the config."""
    image = story.read
    if image is None:
        why = could_not(story.image, "Without an image there is no config.")
        return Chapter("The config", ("there is none to show",), (why,), (CONFIG_SPEC,))
    told = next(config_rows(image), None)
    if told is None:
        parts: list[Part] = [Prose((_ARTIFACT,)), *_of_artifact(story, image)]
        return Chapter("The config", ("an artifact, which nobody runs",), tuple(parts), (MANIFEST_SPEC,))
    own = image.manifest.config is not None
    parts = [Prose((_TOLD if own else _INSIDE,))]
    parts += _document(story, image) if own else []
    parts += [Setup((f"config = {story.lines.call('configs')}.iloc[0]",)), Figures(tuple(_fields(told)))]
    for name, title, heads in (
        ("env", "Environment", ("variable", "value")),
        ("labels", "Labels", ("key", "value")),
    ):
        parts += _mapping(name, title, heads, told[name])
    return Chapter("The config", _config_summary(told), tuple(parts), (CONFIG_SPEC,))


def _config_summary(told: Mapping[str, Any]) -> Spans:
    words = [*(told["entrypoint"] or []), *(told["cmd"] or [])]
    runs: Spans = ("runs ", Code(" ".join(words))) if words else ("says nothing to run",)
    return (*runs, " as ", Code(told["user"]) if told["user"] else "root")


def _document(story: ImageFacts, image: Image) -> list[Part]:
    document = image.config_document
    if document is None:
        return []
    digest = document.digest
    figures = (
        Figure("digest", (Hash(digest),), "document.digest", digest),
        Figure("size", (Size(len(document.raw)),), "len(document.raw)", len(document.raw)),
        Figure(
            f"{digest.algorithm} of its bytes",
            (Hash(digest.hex),),
            f"hashlib.{digest.algorithm}(document.raw).hexdigest()",
            digest.hex,
        ),
    )
    return [Setup((f"document = {story.document_lines.call('document')}.config",)), Figures(figures)]


def _fields(told: Mapping[str, Any]) -> list[Figure]:
    figures = []
    for name, words in _FIELDS.items():
        value = told[name]
        if value is None and name not in _UNSET:
            continue
        line = f'config["{name}"]'
        figures.append(Figure(words, _shown(name, value), line, value))
    return figures


def _shown(name: str, value: Any) -> Spans:
    if value is None:
        return (_UNSET[name],)
    if name == "created":
        return (Moment(value),)
    if name == "user" and value == "":
        return ("root, as the user is empty",)
    return (Code(" ".join(value) if isinstance(value, list) else str(value)),)


def _mapping(name: str, title: str, heads: tuple[str, str], value: Mapping[str, str]) -> list[Part]:
    if not value:
        return []
    rows = tuple(Row(((Code(key),), (Code(text),))) for key, text in value.items())
    return [Table(title, heads, rows, f'config["{name}"]', dict(value))]


def _of_artifact(story: ImageFacts, image: Image) -> list[Part]:
    config = image.manifest.config
    if config is None:
        return []
    json = story.document_lines.call("document", ".json")
    size = Figure("size of its config", (Size(config.size),), f'{json}["config"]["size"]', config.size)
    return [Figures((size,))]
