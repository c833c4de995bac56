"""What is passed as destination= is a folder, and for what is already there an image layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError

WRONG: dict[str, tuple[Any, str]] = {
    "nothing": ("", "destination takes the path of a folder, not ''"),
    "a number": (5, "destination takes the path of a folder, not 5"),
    "a transport": ("oci:folder", "give the folder alone"),
    "a registry": ("docker://localhost:1/app", "give the folder alone"),
    "a bucket": ("s3://bucket/images", "give the folder alone"),
    "a NUL": ("a\0b", "NUL"),
}
ASKING: dict[str, Callable[[Any], object]] = {
    "images": lambda folder: ocinb.store.images(destination=folder),
    "verify": lambda folder: ocinb.store.verify(destination=folder),
    "remove": lambda folder: ocinb.store.remove("app", destination=folder),
}


@pytest.mark.parametrize(("destination", "told"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_what_is_no_folder_is_refused_as_pull_refuses_it(
    ask: Callable[[Any], object], destination: Any, told: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        ask(destination)
    assert told in str(caught.value)
    with pytest.raises(InvalidError) as pulled:
        ocinb.pull("localhost:1/app", destination=destination)
    assert str(pulled.value).endswith(str(caught.value))


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_what_is_no_layout_is_refused_and_left_alone(ask: Callable[[Any], object], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "blobs").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotFoundError, match=r"there is no folder .*photo. Did you mean 'photos'"):
        ask(tmp_path / "photo")
    with pytest.raises(InvalidError, match=r"photos is no image layout: it has neither 'oci-layout' nor 'index.json'"):
        ask(tmp_path / "photos")
    with pytest.raises(InvalidError, match="is a file"):
        ask(str(tmp_path / "file"))
    assert list((tmp_path / "photos").iterdir()) == [tmp_path / "photos" / "blobs"]
    assert not (tmp_path / "photo").exists()
