"""The sample `demo/lazy`: one image in three forms, two of which tell what is in them without being pulled.

Its files are many, small and of noise, as pictures are: what a list of them costs can be told from what they cost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from ocinb.samples.content import Content
from ocinb.samples.images import Image, Layer, Step, make_image, make_layer, moment
from ocinb.samples.seekable import make_estargz, make_zstd_chunked
from ocinb.samples.tars import Entry, file, noise, with_parents

FORMS: Final[dict[str, Callable[..., Layer]]] = {
    "estargz": make_estargz,
    "gzip": make_layer,
    "zstd-chunked": make_zstd_chunked,
}

# So the table of the eStargz has more than the hundredth of the layer that is read at first, and less than two: that
# there are two requests, for the footer and for the rest of the table, can be seen.
_PICTURES = 400
_LEAST_BYTES = 3_000
_BUILT_AT = datetime(2025, 5, 5, 8, 0, tzinfo=UTC)


@functools.cache
def lazy_image(form: str) -> Image:
    """Build `demo/lazy` in a form, which is the tag; the files are the same in all.

    >>> [layer.media_type.rpartition(".")[2] for form in FORMS for layer in lazy_image(form).layers]
    ['tar+gzip', 'tar+gzip', 'tar+zstd']
    """
    layer = FORMS[form](_entries(), mtime=int(_BUILT_AT.timestamp()))
    steps = [
        Step("COPY pictures /srv/pictures # buildkit", moment(_BUILT_AT, 1), layer),
        Step('CMD ["/bin/serve","/srv/pictures"]', moment(_BUILT_AT, 1)),
    ]
    return make_image("linux/amd64", steps, settings={"Cmd": ["/bin/serve", "/srv/pictures"]})


def add_lazy(content: Content) -> None:
    """Build all forms of `demo/lazy` and take them in, which nobody has to wait for who does not ask for them."""
    for form in FORMS:
        content.add("demo/lazy", lazy_image(form).manifest, form)


@functools.cache
def _entries() -> tuple[Entry, ...]:
    pictures = (file(f"srv/pictures/{number:04}.jpg", _picture(number)) for number in range(_PICTURES))
    about = file("srv/pictures/about.txt", "Four hundred pictures of noise.\n")
    return tuple(with_parents([*pictures, about]))


def _picture(number: int) -> bytes:
    return noise(f"picture {number}", _LEAST_BYTES + number * 37 % 2_000)
