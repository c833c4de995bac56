"""What the views of names and sizes have to say, reckoned the slow way: by loops over documents, with no SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from tests.real.reckoned import Image, Look, Reckoned, Row

_OF_TAG = ("manifest_digest", "platform", "created", "compressed_bytes")


def images(found: Reckoned, *, read: bool) -> list[Row]:
    """Reckon with every image that was ever seen; `read` says whether its layers were."""
    names, homes = names_of(found), homes_of(found)
    rows = []
    for digest, image in found.images.items():
        layers = [found.layers[layer["digest"]] for layer in image.layers]
        run = image.config.get("config", {})
        rows.append(
            {
                "manifest_digest": digest,
                "reference": min(names.get(digest) or homes[digest]),
                "platform": image.platform,
                "os": image.config["os"],
                "architecture": image.config["architecture"],
                "variant": image.config.get("variant"),
                "config_digest": image.manifest["config"]["digest"],
                "created": moment(image.config["created"]),
                "user": run.get("User") or None,
                "labels": run.get("Labels") or {},
                "layers": len(layers),
                "compressed_bytes": image.compressed_bytes,
                "distribution": image.distribution_of(layers) if read else None,
                "tar_bytes": sum(len(layer.tar) for layer in layers) if read or not layers else None,
                "files": sum(layer.files for layer in layers) if read or not layers else None,
            }
        )
    return rows


def names_of(found: Reckoned) -> dict[str, list[str]]:
    """Give the tags that point at each image now, in full."""
    names = defaultdict(list)
    for look, image in found.current():
        if look.tag:
            names[image.digest].append(found.in_full(look))
    return names


def homes_of(found: Reckoned) -> dict[str, list[str]]:
    """Give the places where each image was ever seen."""
    homes = defaultdict(list)
    for look in found.looks:
        for image in found.behind(look) if look.digest else []:
            homes[image.digest].append(f"{found.host}/{look.repository}@{image.digest}")
    return homes


def references_of(found: Reckoned) -> dict[str, str]:
    """Give what each image is called."""
    return {row["manifest_digest"]: row["reference"] for row in images(found, read=False)}


def tags(found: Reckoned) -> list[Row]:
    """Reckon with every tag, also those without an image behind them."""
    return [
        {
            **_place(found, look),
            "tag": look.tag,
            "reference": found.in_full(look),
            "digest": look.digest,
            **told,
            "observed_at": look.observed_at,
        }
        for look in found.now()
        if look.tag
        for told in [*map(_of_tag, found.behind(look))] or [dict.fromkeys(_OF_TAG)]
    ]


def _of_tag(image: Image) -> Row:
    created = moment(image.config["created"])
    return dict(zip(_OF_TAG, (image.digest, image.platform, created, image.compressed_bytes), strict=True))


def layer_sharing(found: Reckoned) -> list[Row]:
    """Leave out the example of an image and that of a step, which are any."""
    uses, places = defaultdict(set), defaultdict(set)
    for look, image in found.current():
        for layer in image.layers:
            uses[layer["digest"]].add(image.digest)
            places[layer["digest"]].add(look.repository)
    return [
        {
            "layer_digest": digest,
            "compressed_bytes": len(found.layers[digest].raw),
            "images": len(using),
            "repositories": len(places[digest]),
            "saved_bytes": (len(using) - 1) * len(found.layers[digest].raw),
        }
        for digest, using in uses.items()
    ]


def registry_sizes(found: Reckoned) -> list[Row]:
    here = found.current()
    return [
        {
            "registry": found.host,
            "repositories": len({look.repository for look, _ in here}),
            "tags": len({(look.repository, look.tag) for look, _ in here if look.tag}),
            "images": len({image.digest for _, image in here}),
            **_sizes(found, [image for _, image in here]),
        }
    ]


def repository_sizes(found: Reckoned) -> list[Row]:
    rows = []
    for repository in {look.repository for look, _ in found.current()}:
        here = [(look, image) for look, image in found.current() if look.repository == repository]
        others = [image for look, image in found.current() if look.repository != repository]
        mine = [image for _, image in here]
        rows.append(
            {
                "registry": found.host,
                "repository": repository,
                "tags": len({look.tag for look, _ in here if look.tag}),
                "images": len({image.digest for image in mine}),
                **_sizes(found, mine),
                "unique_bytes": _bytes_of(found, _layers_of(mine) - _layers_of(others)),
            }
        )
    return rows


def tag_sizes(found: Reckoned) -> list[Row]:
    rows = []
    for one in {(look.repository, look.tag): look for look, _ in found.current() if look.tag}.values():
        mine = found.behind(one)
        others = [image for look, image in found.current() if look is not one]
        rows.append(
            {
                **_place(found, one),
                "tag": one.tag,
                "digest": one.digest,
                "platforms": len({image.platform for image in mine}),
                "logical_bytes": sum(image.compressed_bytes for image in mine),
                "reclaimable_bytes": _bytes_of(found, _layers_of(mine) - _layers_of(others)),
            }
        )
    return rows


def base_images(found: Reckoned) -> list[Row]:
    """Reckon with every image below which another one lies, or which says what it was built on."""
    names, rows = references_of(found), []
    for image in found.images.values():
        notes = image.manifest.get("annotations", {})
        base = _base_of(found, image)
        if base is not None or notes:
            rows.append(
                {
                    "manifest_digest": image.digest,
                    "reference": names[image.digest],
                    "platform": image.platform,
                    "base_digest": base.digest if base is not None else None,
                    "base_reference": names[base.digest] if base is not None else None,
                    "base_layers": len(base.layers) if base is not None else None,
                    "annotated_name": notes.get("org.opencontainers.image.base.name"),
                    "annotated_digest": notes.get("org.opencontainers.image.base.digest"),
                    "outdated": _outdated(found, base) if base is not None else None,
                }
            )
    return rows


def _base_of(found: Reckoned, image: Image) -> Image | None:
    """Give the image with the most of the first layers of another one, but not all of them."""
    for depth in range(len(image.layers) - 1, 0, -1):
        bases = [one for one in found.images.values() if one.chain == image.chain[:depth]]
        if bases:
            return min(bases, key=lambda base: _rank(found, image, base))
    return None


def _rank(found: Reckoned, image: Image, base: Image) -> tuple[bool, bool, str, str]:
    stale = _outdated(found, base) is not False
    return base.platform != image.platform, stale, base.config["created"], base.digest


def _outdated(found: Reckoned, base: Image) -> bool | None:
    """Say whether all tags that led to an image and still exist lead elsewhere now; None if there are none."""
    led = {(look.repository, look.tag) for look in found.looks if look.tag and base in found.behind(look)}
    standing = [look for look in found.now() if (look.repository, look.tag) in led]
    return all(base not in found.behind(look) for look in standing) if standing else None


def tag_history(found: Reckoned) -> list[Row]:
    """Reckon with the stays of each tag; a look that finds it as before makes a stay longer."""
    rows: list[Row] = []
    for repository, tag in {(look.repository, look.tag) for look in found.looks if look.tag}:
        stays: list[Row] = []
        before: str | None = None
        for look in (one for one in found.looks if (one.repository, one.tag) == (repository, tag)):
            if look.digest and look.digest == before:
                stays[-1]["last_seen"] = look.observed_at
            elif look.digest:
                last = stays[-1]["digest"] if stays else None
                seen = {"first_seen": look.observed_at, "last_seen": look.observed_at}
                stay = {**_place(found, look), "tag": tag, "digest": look.digest, "previous_digest": last, **seen}
                stays.append(stay)
            before = look.digest
        rows += stays
    return rows


def size_history(found: Reckoned) -> list[Row]:
    """Reckon with the tags of a repository in the order of their making; no tag here has two images of a platform."""
    rows: list[Row] = []
    tagged = [(look, image) for look, image in found.current() if look.tag]
    for repository, platform in {(look.repository, image.platform) for look, image in tagged}:
        own = [one for one in tagged if (one[0].repository, one[1].platform) == (repository, platform)]
        before: Image | None = None
        for look, image in sorted(own, key=lambda one: (one[1].config["created"], one[0].tag)):
            grown = _growth(before, image) if before else None
            rows.append(
                {
                    **_place(found, look),
                    "tag": look.tag,
                    "platform": platform,
                    "created": moment(image.config["created"]),
                    "compressed_bytes": image.compressed_bytes,
                    "delta_bytes": image.compressed_bytes - before.compressed_bytes if before else None,
                    "grown_in": grown and grown[1],
                    "grown_by": image.steps[grown[1]] if grown else None,
                    "grown_bytes": grown and grown[0],
                }
            )
            before = image
    return rows


def _growth(before: Image, after: Image) -> tuple[int, int] | None:
    """Say by how much a layer grew, and which: the one that grew most."""
    old = [[layer["digest"], step, number, layer["size"]] for number, (layer, step) in _stack(before)]
    new = [[layer["digest"], step, number, layer["size"]] for number, (layer, step) in _stack(after)]
    grown: list[tuple[int, int]] = []
    for rule in (0, 1, 2):  # of one digest, else of one instruction, else of one number
        for layer in list(new):
            like = next((one for one in old if one[rule] == layer[rule]), None)
            if like:
                old.remove(like)
                new.remove(layer)
                grown.append((layer[3] - like[3], -layer[2]))
    grown += [(layer[3], -layer[2]) for layer in new]
    most = max((one for one in grown if one[0] > 0), default=None)
    return most and (most[0], -most[1])


def _stack(image: Image) -> Iterable[tuple[int, tuple[dict[str, Any], str]]]:
    return enumerate(zip(image.layers, image.steps, strict=True))


def freed_by(found: Reckoned, names: set[str]) -> dict[str, int]:
    """Reckon which layers go with some tags (repository:tag), and how large they are."""
    parts = [(f"{look.repository}:{look.tag}" in names, image) for look, image in found.current()]
    gone, kept = (_layers_of(image for going, image in parts if going is wanted) for wanted in (True, False))
    return {digest: len(found.layers[digest].raw) for digest in gone - kept}


def layers_of(found: Reckoned, names: list[str], platform: str) -> dict[str, int]:
    """Give the layers of some tags for a platform, each once, with their sizes."""
    images = [image for look, image in found.current() if f"{look.repository}:{look.tag}" in names]
    digests = _layers_of(image for image in images if image.platform == platform)
    return {digest: len(found.layers[digest].raw) for digest in digests}


def moment(text: str) -> pd.Timestamp:
    """Read a time of UTC, and cut what is finer than a microsecond."""
    assert text.endswith("Z")
    return pd.Timestamp(f"{text[:26].rstrip('Z')}+00:00")


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _place(found: Reckoned, look: Look) -> Row:
    return {"registry": found.host, "repository": look.repository}


def _sizes(found: Reckoned, some: list[Image]) -> Row:
    distinct = {image.digest: image for image in some}.values()
    return {
        "logical_bytes": sum(image.compressed_bytes for image in distinct),
        "deduplicated_bytes": _bytes_of(found, _layers_of(some)),
    }


def _layers_of(some: Iterable[Image]) -> set[str]:
    return {layer["digest"] for image in some for layer in image.layers}


def _bytes_of(found: Reckoned, digests: set[str]) -> int:
    return sum(len(found.layers[digest].raw) for digest in digests)
