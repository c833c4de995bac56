"""What the sample registry holds, repository by repository."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from ocinb.samples.base_image import PLATFORMS, base_index
from ocinb.samples.images import (
    Blob,
    Image,
    Manifest,
    Step,
    make_image,
    make_index,
    make_json,
    make_layer,
    make_manifest,
    moment,
)
from ocinb.samples.registry_content import Content
from ocinb.samples.seekable_layers import add_lazy
from ocinb.samples.shop import RELEASES, shop_image, shop_index
from ocinb.samples.signed_images import cosign_signature, cosign_tag, sbom, signature
from ocinb.samples.tars import file, with_parents

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
HELM_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

_BUILT_AT = datetime(2025, 4, 1, 12, 0, tzinfo=UTC)
_MTIME = int(_BUILT_AT.timestamp())


@functools.cache
def hello_image() -> Image:
    """Build `demo/hello:latest`: no index, one tiny layer, and Docker's media types."""
    layer = make_layer([file("hello", "#!/bin/sh\necho Hello from the sample registry\n", mode=0o755)], mtime=_MTIME)
    steps = [
        Step("COPY hello / # buildkit", moment(_BUILT_AT, 1), layer),
        Step('CMD ["/hello"]', moment(_BUILT_AT, 1)),
    ]
    return make_image("linux/amd64", steps, settings={"Cmd": ["/hello"]}, docker=True)


def nested_image(platform: str) -> Image:
    """Build an image of `demo/nested:1`, of bare tars; an empty one stands in it twice, as after two idle steps."""
    greeting = make_layer([file("greeting", f"Hello from {platform}\n")], mtime=_MTIME, compression="none")
    nothing = make_layer([], compression="none")
    steps = [
        Step("/bin/sh -c true", moment(_BUILT_AT, 1), nothing, comment=""),
        Step("COPY greeting / # buildkit", moment(_BUILT_AT, 2), greeting),
        Step("/bin/sh -c true", moment(_BUILT_AT, 3), nothing, comment=""),
    ]
    return make_image(platform, steps)


@functools.cache
def nested_index() -> Manifest:
    """Build `demo/nested:1`: an index of an index of two images, with a third image beside it."""
    images = [nested_image(platform) for platform in PLATFORMS]
    inner = make_index([(image.manifest, image.descriptor()) for image in images])
    outer = nested_image("linux/arm/v7")
    return make_index([(inner, inner.descriptor()), (outer.manifest, outer.descriptor())])


@functools.cache
def chart() -> Manifest:
    """Build `demo/chart:0.1`: a Helm chart, which is no image."""
    about = {"apiVersion": "v2", "name": "shop", "version": "0.1", "type": "application", "appVersion": "2.0"}
    values = "image: demo/shop:2.0\nreplicas: 2\n"
    files = [file("shop/Chart.yaml", make_json(about)), file("shop/values.yaml", values)]
    packed = make_layer(with_parents(files), mtime=_MTIME)
    annotations = {"org.opencontainers.image.title": "shop", "org.opencontainers.image.version": "0.1"}
    return make_manifest(Blob(make_json(about), HELM_CONFIG), [Blob(packed.raw, HELM_CHART)], annotations=annotations)


def _add_shop(content: Content) -> None:
    for release in RELEASES:
        content.add("demo/shop", shop_index(release), release.version)
    newest = RELEASES[-1]
    index, amd64 = shop_index(newest), shop_image(newest, PLATFORMS[0]).manifest
    content.tag("demo/shop", "latest", index.digest)
    name = f"demo/shop@{newest.version}"
    for referrer in (signature(index), sbom(index, name), sbom(amd64, f"{name} for {PLATFORMS[0]}")):
        content.add("demo/shop", referrer)
    content.add("demo/shop", cosign_signature(index, "registry.example/demo/shop"), cosign_tag(index))


@functools.cache
def sample_content() -> Content:
    """Build the samples, once in a process; who wants to change something takes a copy.

    >>> sample_content().names
    ['demo/base', 'demo/chart', 'demo/hello', 'demo/lazy', 'demo/nested', 'demo/shop']
    """
    content = Content()
    content.add("demo/base", base_index(), "12")
    content.add("demo/chart", chart(), "0.1")
    content.add("demo/hello", hello_image().manifest, "latest")
    content.promise("demo/lazy", add_lazy)
    content.add("demo/nested", nested_index(), "1")
    _add_shop(content)
    return content
