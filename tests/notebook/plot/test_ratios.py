from __future__ import annotations

import ocinb
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames


def test_tar_and_compressed_bytes_stand_beside_each_other_with_their_ratio() -> None:
    frame = frames.layers({"compressed_bytes": 40, "tar_bytes": 100}, {"compressed_bytes": 0, "tar_bytes": 10}, {})
    figure = ocinb.plot.compression(frame)
    assert [(trace.name, list(trace.x)) for trace in figure.data] == [("tar", [100, 10]), ("compressed", [40, 0])]
    assert [text[:3] for text in figure.data[1].text] == ["2.5", "no "]
    assert "110 B of tars in 40 B, 2.8" in figure.layout.title.subtitle.text
    assert "1 layer of unknown size is left out" in figure.alt


def test_the_small_ones_are_gathered() -> None:
    frame = frames.layers(*({"compressed_bytes": size, "tar_bytes": 2 * size} for size in (3, 50, 4, 60)))
    figure = ocinb.plot.compression(frame, top=2)
    assert [list(trace.x) for trace in figure.data] == [[100, 120, 14], [50, 60, 7]]


def test_a_frame_that_was_not_read_says_so() -> None:
    figure = ocinb.plot.compression(frames.layers({"compressed_bytes": 40}, {"compressed_bytes": 40}))
    assert figure.layout.annotations[0].text == "2 layers of unknown size are left out"


def test_a_name_is_asked_for(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    figure = ocinb.plot.compression(name, platform="amd64", progress=False)
    sizes = ocinb.layers(name, platform="amd64", depth="files", progress=False)
    assert [sum(trace.x) for trace in figure.data] == [sizes["tar_bytes"].sum(), sizes["compressed_bytes"].sum()]
