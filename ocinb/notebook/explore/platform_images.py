"""Offered: the images behind a name, one for each platform; each is read when it is asked for, and then held.

A tag may move while people look: what was opened stays what is looked at. Several threads may ask: one of them reads an
image, and whoever asks for another one does not wait for that. When nobody looks any more, all of them are forgotten.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import replace
from typing import Final

from ocinb._pool import alone
from ocinb._suggestions import nearest
from ocinb._text import printable
from ocinb.errors import NotFoundError
from ocinb.frames.contents_batch import ImageRequest, check_image, watched_reading
from ocinb.frames.document_rows import platform_text
from ocinb.frames.layer_reader import Contents, LayerReader, load_filesystem
from ocinb.frames.read_file import content_of
from ocinb.frames.resolve import ResolvedReference, resolve_reference
from ocinb.notebook.explore.model import ExploredImage
from ocinb.notebook.explore.serialize import READ_BYTES, short_label
from ocinb.progress.protocol import NoProgress, Progress
from ocinb.sources.images import ALL, Image, choose_children, read_image
from ocinb.sources.session import default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor

# What a platform is called that nobody tells.
UNKNOWN: Final = "unknown"
# So many images are held: people switch between two.
_MAX_IMAGES: Final = 3


class Offered:
    """The images behind one name.

    Attributes
    ----------
    labels
        What the platform of each is called, in the order of the index.
    first
        The label of the one that was asked for.
    """

    def __init__(self, opened: ResolvedReference, first: Image) -> None:
        self.opened = opened
        children = [
            child.descriptor for child in choose_children(opened.resolved.children, ALL, opened.session.settings)
        ]
        self._descriptors = _labelled(children)
        self._images: dict[str, Image] = {}
        self._explored: OrderedDict[str, ExploredImage] = OrderedDict()
        self._lock = threading.Lock()
        self.first = self._label_of(first.document.digest) or printable(platform_text(first.platform) or UNKNOWN)
        self._images[self.first] = first
        self.labels = list(self._descriptors) or [self.first]

    def label(self, wanted: str | None) -> str:
        """Check the label of a platform; None stands for the first."""
        if wanted is None:
            return self.first
        if wanted not in self.labels:
            near = nearest(wanted[:100], self.labels)
            hint = (
                f"Did you mean {short_label(near)!r}?"
                if near
                else f"It has: {', '.join(map(short_label, self.labels))}"
            )
            raise NotFoundError(f"there is no image for {wanted[:100]!r}", hint=hint)
        return wanted

    def explored(self, label: str, progress: Progress | None = None) -> ExploredImage:
        """Give the image of a platform with all that stands in it, which is read if it was not."""
        with alone((id(self), label)):
            found = self._explored.get(label) or self._read(self._image(label), progress or NoProgress())
        with self._lock:
            self._explored[label] = found
            self._explored.move_to_end(label)
            while len(self._explored) > _MAX_IMAGES:
                self._explored.popitem(last=False)
        return found

    def holds(self, label: str) -> bool:
        """Say whether an image is held, and need not be read."""
        with self._lock:
            return label in self._explored

    def forget(self) -> None:
        """Let go of all that was read; whoever looks at an image keeps it so long, and the next one reads it again."""
        with self._lock:
            self._explored.clear()

    def content(self, label: str, path: str, layer: int | None, progress: Progress | None = None) -> bytes:
        """Read a file that is no longer than what is read to show it, as `ocinb.read` does."""
        image, board, laid = self._image(label), progress or NoProgress(), self.explored(label).laid
        return content_of(self._living(), image, path, layer, board, laid, limit=READ_BYTES)

    def _image(self, label: str) -> Image:
        if label not in self._images:
            descriptor = self._descriptors[label]
            source = self._living().source
            self._images[label] = read_image(source, source.document(descriptor), descriptor.platform)
        return self._images[label]

    def _read(self, image: Image, board: Progress) -> ExploredImage:
        check_image(image)
        opened = self._living()
        with watched_reading(opened.session, board, [ImageRequest(opened, [image])]):
            reader = LayerReader(opened, board, whole=False)
            numbers = range(len(image.manifest.layers))
            laid = load_filesystem(reader, image, numbers, opened.session, with_blobs=False)
        return ExploredImage(Contents(self.opened.name, image, laid.layers), laid)

    def _living(self) -> ResolvedReference:
        """Give the name as it was opened, with the connections and the store of now.

        Those of a block that began with nothing, as `ocinb.trace(fresh=True)` does, end with it; people look on.
        """
        session = default_session()
        if self.opened.session is not session:
            reference = self.opened.reference
            if reference.path is None:
                source = open_source(reference, session=session)
            else:  # which knows what is in a file by having looked at it
                source = resolve_reference(self.opened.name, session).source
            self.opened = replace(self.opened, source=source, session=session)
        return self.opened

    def _label_of(self, digest: Digest) -> str | None:
        return next((label for label, one in self._descriptors.items() if one.digest == digest), None)


def _labelled(children: list[Descriptor]) -> dict[str, Descriptor]:
    """Give each image a name that no other has: its platform, if need be with the version of the system or a number."""
    texts = [printable(platform_text(child.platform) or UNKNOWN) for child in children]
    counts = Counter(texts)
    labelled: dict[str, Descriptor] = {}
    for text, child in zip(texts, children, strict=True):
        version = child.platform.os_version if child.platform else None
        label = f"{text} ({printable(version)})" if counts[text] > 1 and version else text
        number, base = 2, label
        while label in labelled:
            label, number = f"{base} ({number})", number + 1
        labelled[label] = child
    return labelled
