"""What our image may weigh, and what must not be in it: run by pytest when the image is built."""

import os

import pytest

import ocinb

IMAGE = os.environ["IMAGE"]  # "oci-archive:image.tar" before it is pushed, "registry.example/app:1.4" after
RELEASED = os.environ.get("RELEASED")  # the image to compare with, such as "registry.example/app:1.3"
MOST_COMPRESSED = 250_000_000
MOST_HIDDEN_SHARE = 0.10
MOST_GROWTH = 1.05
SECRETS = r"(?:^|/)(?:id_(?:rsa|ed25519)|\.npmrc|\.netrc|[^/]+\.(?:key|pem|p12))$"
PUBLIC = r"^(?:etc/ssl/|usr/(?:lib|share)/)"  # certificates of authorities


def told(problem, frame):
    """Say what is wrong, and show by which rows."""
    return f"{problem}\n{frame.to_string(index=False, max_colwidth=60)}"


def test_it_is_small_enough():
    layers = ocinb.layers(IMAGE)
    size = layers["compressed_bytes"].sum()
    largest = layers.nlargest(5, "compressed_bytes")[["layer", "compressed_bytes", "instruction"]]
    assert size <= MOST_COMPRESSED, told(f"{IMAGE} has {size:,} bytes", largest)


def test_little_of_it_is_hidden():
    [image] = ocinb.efficiency(IMAGE).to_dict("records")
    hidden = ocinb.hidden(IMAGE).nlargest(10, "hidden_bytes")
    rows = hidden[["path", "hidden_bytes", "stored_by", "hidden_by"]]
    share = image["hidden_bytes"] / max(image["stored_bytes"], 1)
    assert share <= MOST_HIDDEN_SHARE, told(f"{share:.0%} of {IMAGE} is never seen", rows)


def test_no_layer_has_a_secret():
    files = ocinb.files(IMAGE)
    stored = files[files["type"] == "file"]
    found = stored[stored["path"].str.contains(SECRETS) & ~stored["path"].str.contains(PUBLIC)]
    assert found.empty, told(f"{IMAGE} has secrets, also those that are deleted", found[["path", "layer", "visible"]])


@pytest.mark.skipif(RELEASED is None, reason="RELEASED names no image to compare with")
def test_it_did_not_grow_much():
    sizes = [ocinb.layers(name)["compressed_bytes"].sum() for name in (RELEASED, IMAGE)]
    shared = ocinb.shared([RELEASED, IMAGE])[["reference", "compressed_bytes", "unique_bytes", "shared_bytes"]]
    assert sizes[1] <= sizes[0] * MOST_GROWTH, told(f"it is {sizes[1] / sizes[0]:.2f} of {RELEASED}", shared)
