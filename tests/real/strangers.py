"""An image of somebody who tries out whether names and texts run in a page, or break its layout."""

from __future__ import annotations

from ocinb.samples import SampleRegistry
from ocinb.samples.images import Step, make_image, make_layer
from ocinb.samples.tars import Entry, directory, file, symlink, whiteout

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
)
_CREATED = "2025-01-01T00:00:00Z"
_SETTINGS = {
    "User": WORDS[0],
    "Env": [f"PATH={WORDS[1]}", f"LONG={LONG}"],
    "Cmd": list(WORDS),
    "Entrypoint": [WORDS[1]],
    "Labels": {word[:60]: word for word in WORDS},
}


def put_hostile_image(registry: SampleRegistry) -> str:
    """Put it into a registry, and give its reference."""
    steps = [
        Step(f"RUN {WORDS[0]} {LONG}", _CREATED, make_layer(_base())),
        *(Step(f"RUN {word}", _CREATED, make_layer([_named(word, "again")])) for word in WORDS),
        Step("RUN \u202e rm \u2066 " + WORDS[1], _CREATED, make_layer(map(_removed, WORDS))),
    ]
    image = make_image("linux/amd64", steps, settings=_SETTINGS, annotations={WORDS[0]: WORDS[1]})
    for blob in image.manifest.blobs:
        registry.put_blob(blob.raw)
    registry.put_manifest("demo/stranger", image.manifest.raw, tag="1")
    return registry.reference("demo/stranger:1")


def _named(word: str, folder: str) -> Entry:
    return file(f"{folder}/{_name(word)}", f"{word}\n{LONG}\n")


def _removed(word: str) -> Entry:
    return whiteout(f"again/{_name(word)}")


def _name(word: str) -> str:
    return word.replace("/", "\u2215")[:60]


def _base() -> list[Entry]:
    names = [_named(word, "names") for word in WORDS]
    links = [symlink(f"links/{number}", word) for number, word in enumerate(WORDS)]
    long = file("/".join(["deep" * 20] * 30) + "/end", "far down\n")
    return [directory("names"), directory("links"), *names, *links, directory("again"), long, file("w" * 250, "wide\n")]
