"""What became of each entry stands in the catalogue as the frames tell it, exceptions alone."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import settings as hypothesis_settings

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import directory, file, hardlink, opaque, symlink, whiteout
from tests.catalog.laying import check_files, put_stack
from tests.rootfs.anylayers import STACKS

# Names of one file in several layers, a directory that goes, one that is emptied, and what leads nowhere.
ODD = [
    [directory("usr"), file("usr/a", "a"), hardlink("usr/b", "usr/a"), file("usr/gone/deep/c", "cc"), directory("etc")],
    [file("usr/a", "new"), whiteout("usr/gone"), symlink("lib", "usr"), file("lib/d", "d"), file("../out", "out")],
    [whiteout("usr/b"), opaque("etc"), file("etc/e"), hardlink("f", "usr/nothing"), file("", "root")],
    [],
]


def test_odd_layers_read_as_the_frames_have_them(registry: SampleRegistry) -> None:
    name = put_stack(registry, [make_layer(entries) for entries in ODD])
    with ocinb.Catalog() as catalog:
        catalog.add(name, depth="files")
        check_files(catalog, name)


@hypothesis_settings(max_examples=10)
@given(stacks=STACKS)
def test_any_layers_read_as_the_frames_have_them(stacks: Sequence[Sequence[object]]) -> None:
    with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        layers = [make_layer(entries) for entries in stacks]  # type: ignore[arg-type]
        names = [put_stack(registry, layers[:count], f"v{count}") for count in range(1, len(layers) + 1)]
        catalog.add(names, depth="files", progress=False)
        for name in names:
            check_files(catalog, name)
