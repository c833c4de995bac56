"""What buildah builds of a Containerfile: figures that were worked out by hand, and steps that are blamed rightly."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import ocinb
from tests.real.building import CACHED, PRICES, SECRET
from tests.real.realimages import Layout
from tests.real.tools import require

pytestmark = pytest.mark.real

MOTD_BEFORE, MOTD_AFTER = len("1\n"), len("two\n")
# The layers, from the base: busybox, its links, the shop, its cache, its prices, the cleaning, the cache's end.
SHOP, CACHE, PRICE, CLEANING, END = 2, 3, 4, 5, 6


def program_bytes() -> int:
    return Path(require("busybox")).stat().st_size


def test_figures_of_the_image(built_layout: Layout) -> None:
    [figures] = ocinb.efficiency(built_layout.reference).to_dict("records")
    visible = program_bytes() + MOTD_AFTER + 2 * PRICES
    hidden = SECRET + MOTD_BEFORE + CACHED
    assert figures["stored_bytes"] == visible + hidden
    assert figures["visible_bytes"] == visible
    assert figures["hidden_bytes"] == hidden
    assert figures["efficiency"] == pytest.approx(visible / (visible + hidden))
    assert figures["duplicate_bytes"] == PRICES, "the copy of the prices; that three files are empty costs nothing"


def test_hidden_files_and_who_is_to_blame(built_layout: Layout) -> None:
    frame = ocinb.hidden(built_layout.reference)
    columns = ["path", "hidden_bytes", "reason", "stored_in", "hidden_in"]
    assert sorted(frame[columns].itertuples(index=False, name=None)) == [
        ("etc/motd", MOTD_BEFORE, "overwritten", SHOP, CLEANING),
        ("srv/shop/cache/empty", 0, "replaced", CACHE, END),
        ("srv/shop/cache/one", CACHED, "replaced", CACHE, END),
        ("srv/shop/secret", SECRET, "deleted", SHOP, CLEANING),
    ]
    secret = frame[frame["path"] == "srv/shop/secret"].iloc[0]
    assert secret["stored_by"].startswith("RUN mkdir -p /srv/shop/cache && head -c 5000")
    assert secret["hidden_by"].startswith("RUN rm /srv/shop/secret && echo two")


def test_bytes_beside_the_instructions(built_layout: Layout) -> None:
    layers = ocinb.layers(built_layout.reference, depth="files")
    assert layers["hidden_bytes"].tolist() == [0, 0, SECRET + MOTD_BEFORE, CACHED, 0, 0, 0]
    assert layers["files"].tolist() == [1, 3, 2, 2, 1, 2, 0]
    assert (layers["tar_bytes"] % 512 == 0).all()
    plain = ocinb.layers(built_layout.reference)
    assert plain[["tar_bytes", "files", "hidden_bytes"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        plain.drop(columns=["tar_bytes", "files", "hidden_bytes"]),
        layers.drop(columns=["tar_bytes", "files", "hidden_bytes"]),
    )


def test_changes_are_those_of_the_steps(built_layout: Layout) -> None:
    frame = ocinb.files(built_layout.reference)
    changes = {(row.layer, row.path): (row.change, row.visible) for row in frame.itertuples()}
    assert changes[SHOP, "etc/motd"] == ("added", False)
    assert changes[CLEANING, "etc/motd"] == ("modified", True)
    assert changes[CLEANING, "srv/shop/secret"] == ("deleted", False)
    assert changes[END, "srv/shop/cache"] == ("modified", True)
    assert changes[CLEANING, "srv/shop/copy"] == ("added", True)
    assert changes[SHOP, "etc"] == ("modified", False)


def test_what_people_look_for_is_one_line(built_layout: Layout) -> None:
    frame = ocinb.files(built_layout.reference)
    setuid = frame[frame["mode"] & 0o4000 > 0]
    assert setuid["path"].tolist() == ["srv/shop/copy"]
    assert frame.nlargest(1, "size_bytes")["path"].tolist() == ["bin/busybox"]
    assert frame.loc[frame["uid"] == 1000, "path"].tolist() == ["srv/shop/prices"]
    assert ocinb.read(built_layout.reference, "srv/today") == b"tea,2\n".ljust(PRICES, b"\n")
    assert ocinb.read(built_layout.reference, "srv/shop/secret", layer=SHOP) == bytes(SECRET)
