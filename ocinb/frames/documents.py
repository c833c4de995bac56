"""Documents as people look at them: the bytes, what they say, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ocinb._arguments import suggesting
from ocinb._text import card, escape_html, human_size, printable
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.batch import Name, as_text, checked, complete
from ocinb.frames.resolve import resolve_reference
from ocinb.sources.images import ALL
from ocinb.sources.session import Session, default_session, open_source
from ocinb.spec import mediatypes
from ocinb.spec.documents import Descriptor, RawDocument, parse_manifest
from ocinb.spec.reference import Reference
from ocinb.spec.strict_json import parse_object

# A notebook that shows megabytes of JSON is no longer a notebook.
SHOWN_CHARACTERS = 100_000


class NoConfigError(InvalidError, AttributeError):
    """A document has no config, which is one of its attributes."""


class Document:
    """An index, a manifest, a config or another small blob: its bytes, verified, and what they say.

    Attributes
    ----------
    raw
        The bytes, as they came; they are what the digest names.
    digest
        Their digest.
    media_type
        What they are.
    """

    def __init__(self, document: RawDocument, load: Callable[[Descriptor], RawDocument]) -> None:
        self.raw = document.raw
        self.digest = document.digest
        self.media_type = document.media_type
        self._load = load

    @property
    def json(self) -> dict[str, Any]:
        """What the bytes say.

        Raises
        ------
        InvalidError
            If they are no JSON object.
        """
        return parse_object(self.raw, f"the document {self.digest}")

    @property
    def config(self) -> Document:
        """The config that this manifest names.

        Raises
        ------
        InvalidError
            If this is no manifest, or one without a config.
        """
        if self.media_type in mediatypes.SCHEMA1:
            what = f"{self.digest} is of Docker's schema 1, which has no config of its own"
            raise NoConfigError(what, hint="ocinb.configs shows what it says of itself")
        if self.media_type not in mediatypes.MANIFESTS | mediatypes.ARTIFACTS:
            hint = "An index has none of its own: ask for a platform" if self.media_type in mediatypes.INDEXES else None
            raise NoConfigError(f"{self.digest} is no manifest, but {self.media_type}", hint=hint)
        manifest = parse_manifest(self.raw, self.media_type, f"the manifest {self.digest}")
        if manifest.config is None:
            raise NoConfigError(f"{self.digest} is an artifact of type {manifest.artifact_type}, which has no config")
        return Document(self._load(manifest.config), self._load)

    @property
    def _pretty(self) -> str:
        try:
            text = json.dumps(self.json, indent=2, ensure_ascii=False)
        except InvalidError:
            text = self.raw.decode("utf-8", "replace")
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}\n…"

    def __repr__(self) -> str:
        return f"<Document {printable(self.media_type)} {self.digest}, {human_size(len(self.raw))}>"

    def _repr_html_(self) -> str:
        # Line by line, so that the escaping of control characters leaves the line ends alone.
        body = "\n".join(escape_html(line) for line in self._pretty.split("\n"))
        style = (
            "font-family: var(--jp-code-font-family, monospace); max-height: 30em; overflow: auto; "
            "white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 0.5em"
        )
        size = human_size(len(self.raw))
        return card(self.media_type, size, [("digest", self.digest)], f'<pre style="{style}">{body}</pre>')


@suggesting
def document(reference: Name, *, platform: str | None = None) -> Document:
    """Read the document that a name points at.

    Parameters
    ----------
    reference
        The name of an image. With a digest it may also be that of a config or another small blob.
    platform
        None gives exactly what the name points at; a platform gives the manifest of its image.

    Returns
    -------
    Document
        With ``raw``, ``json``, ``digest``, ``media_type``; ``config`` of a manifest is a document too.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.
    InvalidError
        If the document is larger than ``settings.max_manifest_bytes``.

    Notes
    -----
    Source: distribution-spec, "Pulling manifests", "Pulling blobs".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     index = ocinb.document(registry.reference("demo/shop:2.0"))
    ...     manifest = ocinb.document(registry.reference("demo/shop:2.0"), platform="arm64")
    ...     config = manifest.config
    >>> len(index.json["manifests"]), len(manifest.json["layers"]), config.json["architecture"]
    (4, 7, 'arm64')
    """
    name, session = as_text(reference), default_session()
    if not isinstance(platform, str | None) or platform == ALL:
        raise InvalidError(f"a document is that of one platform, not {platform!r}")
    try:
        if platform is None:
            return _exactly(Reference(checked(name)), session)
        opened = resolve_reference(checked(name), session)
        [image] = opened.images((platform,))
        return Document(image.document, partial(_read, opened.reference))
    except OcinbError as error:
        complete(error, name)
        raise


def _exactly(wanted: Reference, session: Session) -> Document:
    source = open_source(wanted, session=session)
    return Document(source.read(wanted.wanted), partial(_read, wanted))


def _read(reference: Reference, descriptor: Descriptor) -> RawDocument:
    """Read by the session of that moment: the one that a document came by may be closed, and its folder gone."""
    return open_source(reference, session=default_session()).document(descriptor)
