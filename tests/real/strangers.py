"""An image of somebody who tries out whether names and texts run in a page, or break its layout.

Whatever an image may have text of its own in has some here: config, history, annotations, names of files, where links
lead, tags, and the names of packages, in what dpkg keeps as in what is attested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ocinb.samples import SampleRegistry
from ocinb.samples.images import (
    JSON,
    Blob,
    Layer,
    Manifest,
    Step,
    compress_layer,
    make_image,
    make_index,
    make_layer,
    make_manifest,
)
from ocinb.samples.signed_images import attestation
from ocinb.samples.tars import Entry, directory, file, noise, symlink, whiteout, with_parents
from ocinb.spec.mediatypes import OCI_EMPTY

LONG = "w" * 10_000
# Each would set window.canary, or break out of where it stands.
WORDS = (
    "<script>window.canary = 1</script>",
    '"><img src=x onerror="window.canary = 2">',
    "' onmouseover='window.canary = 3' x='",
    "javascript:window.canary=4",
    "<style>* { display: none !important }<",
    "\x1b[2J\x1b[31mred\x07",
    "two\nlines\u2028three",
    "\u202egpj.exe",
    "\u0639\u0631\u0628\u064a-\u05e2\u05d1\u05e8\u05d9\u05ea.txt",
    "Z" + "\u0334\u0335\u0336\u0337" * 40,
    "&lt;b&gt;${window.canary=5}{{canary}}",
    "w" * 200,
    "</td></table></div></div><svg onload=window.canary=6>",
    "[click](javascript:window.canary=7) $\\href{javascript:window.canary=8}{x}$ `x`",
    '<a href="javascript:window.canary=9">x</a>%{meta.alt}',
)
ALL = " ".join(WORDS)
REPOSITORY = "demo/stranger"
# What a cell begins with, so that a kernel finds this file.
IMPORT = f"""
import sys
import ocinb

sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.real import strangers
"""
# The first cell of a notebook: a registry that has the image, and its reference.
CELL = f"""{IMPORT}
registry = ocinb.samples.registry()
stranger = strangers.put_hostile_image(registry)
"""
_CREATED = "2025-01-01T00:00:00Z"
_SPDX = "https://spdx.dev/Document"
_SETTINGS = {
    "User": WORDS[0],
    "Env": [f"PATH={WORDS[1]}", f"LONG={LONG}", *(f"{word}={word}" for word in WORDS)],
    "Cmd": list(WORDS),
    "Entrypoint": [WORDS[1]],
    "WorkingDir": ALL,
    "ExposedPorts": {word: {} for word in WORDS},
    "Labels": {word[:60]: word for word in WORDS} | {LONG: LONG},
}


def put_hostile_image(registry: SampleRegistry) -> str:
    """Put it into a registry, in an index, with what is attested of it and what refers to it; give its reference."""
    steps = [
        Step(f"RUN {WORDS[0]} {LONG}", _CREATED, make_layer(_base())),
        *(Step(f"RUN {word}", _CREATED, make_layer([_named(word, "again")]), word) for word in WORDS),
        Step("RUN \u202e rm \u2066 " + WORDS[1], _CREATED, make_layer(map(_removed, WORDS))),
    ]
    notes = {word: word for word in WORDS} | {LONG: LONG}
    image = make_image("linux/amd64", steps, settings=_SETTINGS, annotations=notes)
    attested, beside = attestation(image, ALL, {_SPDX: _packages(), WORDS[1]: {"builder": {"id": ALL}}})
    index = make_index([(image.manifest, image.descriptor(annotations=notes)), (attested, beside)], annotations=notes)
    for manifest in (image.manifest, attested, *_referring(image.manifest), *_referring(index)):
        put_manifest(registry, manifest)
    put_manifest(registry, index, "1", *(f"tag {word}" for word in WORDS), LONG)
    return registry.reference(f"{REPOSITORY}:1")


def put_thick_image(registry: SampleRegistry, layers: int, size: int) -> str:
    """Put one of many layers that take their time, all but one of the same size, and give its reference."""
    sizes = [1_000 if number == 2 else size for number in range(layers)]
    steps = [Step(_instruction(number), _CREATED, _thick(number, size)) for number, size in enumerate(sizes)]
    put_manifest(registry, make_image("linux/amd64", steps).manifest, "thick")
    return registry.reference(f"{REPOSITORY}:thick")


def put_manifest(registry: SampleRegistry, manifest: Manifest, *tags: str) -> None:
    """Put a manifest into the registry of a stranger, with its blobs."""
    for blob in manifest.blobs:
        registry.put_blob(blob.raw)
    digest = registry.put_manifest(REPOSITORY, manifest.raw, media_type=manifest.media_type)
    for tag in tags:
        registry.tag(REPOSITORY, tag, digest)


def _instruction(number: int) -> str:
    if number % 4 == 0:
        return f"RUN step {number}"
    return f"RUN {(*WORDS, LONG)[number % (len(WORDS) + 1)]}"


def _thick(number: int, size: int) -> Layer:
    return compress_layer(noise(f"thick {number}", size), compression="none")


def _packages() -> JSON:
    """List packages as SPDX does, each with a word for its name."""
    packages = [
        {"SPDXID": f"SPDXRef-{number}", "name": word, "versionInfo": word, "licenseDeclared": word}
        for number, word in enumerate((*WORDS, LONG))
    ]
    return {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": ALL, "packages": packages}


def _status() -> str:
    """Write what dpkg has installed; a name ends with its line."""
    names = [word.splitlines()[0] for word in (*WORDS, LONG)]
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nMaintainer: {name}\nVersion: {name}\nDescription: {name}\n"
        for name in names
    )


def _referring(subject: Manifest) -> Iterator[Manifest]:
    """Give what refers to a manifest, each of another type."""
    for word in (*WORDS[:5], LONG):
        empty, list_ = Blob(b"{}", OCI_EMPTY), Blob(json.dumps(_packages()).encode(), word)
        yield make_manifest(empty, [list_], artifact_type=word, subject=subject, annotations={word: ALL, ALL: word})


def _base() -> list[Entry]:
    names = [_named(word, "names") for word in WORDS]
    links = [symlink(f"links/{number}", word) for number, word in enumerate(WORDS)]
    long = file("/".join(["deep" * 20] * 30) + "/end", "far down\n")
    found = [*with_parents([file("var/lib/dpkg/status", _status())])]
    return [
        directory("names"),
        directory("links"),
        *names,
        *links,
        directory("again"),
        long,
        file("w" * 250, "wide\n"),
        *found,
    ]


def _named(word: str, folder: str) -> Entry:
    return file(f"{folder}/{_name(word)}", f"{word}\n{LONG}\n")


def _removed(word: str) -> Entry:
    return whiteout(f"again/{_name(word)}")


def _name(word: str) -> str:
    return word.replace("/", "\u2215")[:60]
