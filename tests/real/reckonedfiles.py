"""What the views of files have to say, reckoned the slow way: by loops over tars, with no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.real.reckoned import Image, Layer, Reckoned, Row
from tests.real.reckonings import grouped, references_of


def layer_files(found: Reckoned) -> Iterator[Row]:
    for image in found.images.values():
        overlay = found.applied_to(image).overlay()
        for number, descriptor in enumerate(image.layers):
            for place, row in enumerate(found.layers[descriptor["digest"]].rows):
                yield {
                    "manifest_digest": image.digest,
                    "layer": number,
                    "change": overlay.change[number][place],
                    "visible": overlay.visible[number][place],
                    "layer_digest": descriptor["digest"],
                    **row,
                }


def hidden_files(found: Reckoned) -> Iterator[Row]:
    names = references_of(found)
    for image in found.images.values():
        applied = found.applied_to(image)
        shown = {node.content for node in applied.nodes.values()}
        for number, descriptor in enumerate(image.layers):
            for place, row in enumerate(found.layers[descriptor["digest"]].rows):
                if row["type"] == "file" and (number, place) not in shown:
                    hidden_in, reason = applied.hidden[number, place]
                    yield {
                        "manifest_digest": image.digest,
                        "reference": names[image.digest],
                        "platform": image.platform,
                        "path": row["path"],
                        "hidden_bytes": row["size_bytes"],
                        "reason": reason,
                        "stored_in": number,
                        "stored_by": image.steps[number],
                        "hidden_in": hidden_in,
                        "hidden_by": image.steps[hidden_in],
                    }


def file_duplicates(found: Reckoned) -> list[Row]:
    stored = [{**row, "layer": layer.digest} for layer in layers_now(found) for row in layer.rows]
    contents = grouped((row for row in stored if row["type"] == "file"), lambda row: row["sha256"])
    return [
        {
            "sha256": sha256,
            "size_bytes": copies[0]["size_bytes"],
            "copies": len(copies),
            "layers": len({row["layer"] for row in copies}),
            "duplicate_bytes": (len(copies) - 1) * copies[0]["size_bytes"],
            "example_path": min((row["path"] for row in copies), key=lambda path: path.encode()),
        }
        for sha256, copies in contents.items()
        if len(copies) > 1
    ]


def registry_summary(found: Reckoned, *, read: bool = True) -> dict[str, float]:
    """Give the figures by their names; those of files only if the layers were read."""
    layers, images = layers_now(found), list({image.digest: image for _, image in found.current()}.values())
    uses = [sum(layer.digest in _digests(image) for image in images) for layer in layers]
    figures: dict[str, Sequence[float]] = {
        "layer_compressed_bytes": [len(layer.raw) for layer in layers],
        "layers_per_image": [len(image.layers) for image in images],
        "layer_references": uses,
    }
    if not read:
        return _quantiles(figures)
    files = [row for layer in layers for row in layer.rows if row["type"] == "file"]
    contents = grouped(files, lambda row: row["sha256"])
    figures |= {
        "compression_ratio": [len(layer.tar) / len(layer.raw) for layer in layers],
        "files_per_layer": [layer.files for layer in layers],
        "copies_per_file": [len(copies) for copies in contents.values()],
    }
    once = sum(copies[0]["size_bytes"] for copies in contents.values())
    return {
        "unique_file_share": len(contents) / len(files),
        "deduplicable_bytes_share": 1 - once / sum(row["size_bytes"] for row in files),
        **_quantiles(figures),
    }


def _quantiles(figures: dict[str, Sequence[float]]) -> dict[str, float]:
    shares = {"p50": 0.5, "p90": 0.9}
    return {
        f"{name}_{suffix}": quantile(values, share)
        for name, values in figures.items()
        for suffix, share in shares.items()
    }


def layers_now(found: Reckoned) -> list[Layer]:
    """Give the layers that count now, each once."""
    return [found.layers[digest] for digest in {digest for _, image in found.current() for digest in _digests(image)}]


def quantile(values: Iterable[float], share: float) -> float:
    """Give the value below which a share of the others lies, in a straight line between two."""
    ordered: Sequence[float] = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _digests(image: Image) -> list[str]:
    return [layer["digest"] for layer in image.layers]
