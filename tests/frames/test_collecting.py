"""Names in any shape, in their order, each once; what fails is raised or told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.frames.batch import InvalidName, list_names
from ocinb.samples import SampleRegistry
from tests.localfiles import write_layout

SHAPES: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda names: (name for name in names),
    "iterator": iter,
    "keys of a dict": lambda names: dict.fromkeys(names).keys(),
    "Series": pd.Series,
    "Series with another index": lambda names: pd.Series(names, index=range(7, 7 + len(names))),
    "Series of objects": lambda names: pd.Series(names, dtype=object),
    "Series of categories": lambda names: pd.Series(names, dtype="category"),
    "Index": pd.Index,
    "array": np.array,
    "references": lambda names: [ocinb.Reference(name) for name in names],
}
NO_NAMES = [None, float("nan"), pd.NA, pd.NaT, 5, 5.5, True, b"demo/hello", ["demo/hello"], ("a", "b"), {"a": 1}]
BAD_NAMES = [
    "",
    " ",
    "demo/hello ",
    "Demo/Hello",
    "https://registry.example/demo/hello",
    "demo/hello:",
    "demo/hello:la test",
    "demo//hello",
    "-demo/hello",
    "demo/hello@sha256:12",
    "demo/hello@md5:d41d8cd98f00b204e9800998ecf8427e",
    "demo/hello\n",
    "demo/hello\x00",
    "demo/<script>",
    "demo/\ud800",
    "0" * 64,
    "oci:",
    "oci:folder:@first",
    "oci-archive::name",
    "docker-archive:file.tar:App",
]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_names_come_in_any_shape_and_keep_their_order(registry: SampleRegistry, shape: Any) -> None:
    names = [registry.reference(name) for name in ("demo/shop:2.0", "demo/hello:latest", "demo/shop:1.0")]
    frame = ocinb.configs(shape(names))
    assert frame["reference"].tolist() == names


def test_one_name_is_a_text_or_a_reference(registry: SampleRegistry) -> None:
    typed = registry.reference("demo/hello")
    assert ocinb.layers(typed)["reference"].tolist() == [typed], "as it was typed"
    assert ocinb.layers(ocinb.Reference(typed))["reference"].tolist() == [f"{typed}:latest"], "a Reference in full"


def test_a_name_that_stands_twice_is_asked_for_once(registry: SampleRegistry) -> None:
    hello, base = registry.reference("demo/hello"), registry.reference("demo/base:12")
    frame = ocinb.configs([base, hello, base, np.str_(hello), hello])
    assert frame["reference"].tolist() == [base, hello]


def test_two_spellings_are_two_names(registry: SampleRegistry) -> None:
    hello = registry.reference("demo/hello")
    frame = ocinb.configs([hello, f"{hello}:latest"])
    assert frame["reference"].tolist() == [hello, f"{hello}:latest"]
    assert frame["digest"][0] == frame["digest"][1]


def test_the_slowest_answer_keeps_its_place(registry: SampleRegistry) -> None:
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0", "latest")]
    registry.fault("*/demo/shop/manifests/1.0", delay=0.3)
    assert ocinb.configs(names)["reference"].tolist() == names


def test_the_first_error_in_the_order_of_the_names_is_raised(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/gone", status=404, delay=0.2)
    with pytest.raises(NotFoundError, match="gone"):
        ocinb.layers([registry.reference("demo/shop:gone"), registry.reference("demo/shop:2.0")])


def test_skipped_names_are_told_in_the_frame_and_in_one_line(
    registry: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    good, gone, bad = registry.reference("demo/hello"), registry.reference("demo/gone:1"), "No Name"
    with caplog.at_level(logging.WARNING, logger="ocinb"):
        frame = ocinb.layers([bad, good, gone], errors="skip")
    assert frame["reference"].tolist() == [good]
    failures = frame.attrs["failures"]
    assert [failure["reference"] for failure in failures] == [bad, gone]
    assert all(type(failure["error"]) is str and failure["error"] for failure in failures)
    [record] = caplog.records
    assert "2 skipped" in record.getMessage()
    assert "failures" in record.getMessage()


def test_nothing_skipped_is_an_empty_list_and_no_line(
    registry: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    frame = ocinb.layers(registry.reference("demo/hello"), errors="skip")
    assert (frame.attrs["failures"], caplog.records) == ([], [])


@pytest.mark.parametrize("helper", ["tags", "manifests", "layers", "history", "configs", "repositories"])
def test_every_helper_skips(registry: SampleRegistry, helper: str) -> None:
    good = registry.host if helper == "repositories" else registry.reference("demo/hello")
    frame = getattr(ocinb, helper)(["no name!", good], errors="skip")
    assert len(frame)
    assert [failure["reference"] for failure in frame.attrs["failures"]] == ["no name!"]


@pytest.mark.parametrize("what", NO_NAMES, ids=repr)
def test_what_is_no_name_is_told_and_skipped(registry: SampleRegistry, what: object) -> None:
    hello = registry.reference("demo/hello")
    frame = ocinb.layers([what, hello], errors="skip")  # type: ignore[list-item]
    assert frame["reference"].tolist() == [hello]
    [failure] = frame.attrs["failures"]
    assert failure["error"].startswith(f"{what!r} is not a name")
    with pytest.raises(InvalidError, match="is not a name"):
        ocinb.layers([hello, what])  # type: ignore[list-item]


def test_a_missing_name_in_a_series_is_told(registry: SampleRegistry) -> None:
    hello = registry.reference("demo/hello")
    frame = ocinb.layers(pd.Series([hello, None, hello]), errors="skip")
    assert frame["reference"].tolist() == [hello]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == ["nan"]


def test_a_name_that_looks_like_a_missing_one_is_a_name() -> None:
    assert [type(name) for name in list_names(["nan", float("nan"), "nan"])] == [str, InvalidName]  # type: ignore[list-item]


@pytest.mark.parametrize(
    "names", [b"demo/hello", bytearray(b"demo/hello"), {"demo/hello": 1}, pd.DataFrame({"reference": ["demo/hello"]})]
)
@pytest.mark.parametrize("errors", ["raise", "skip"])
def test_collections_of_something_else_are_refused(names: Any, errors: Any) -> None:
    with pytest.raises(InvalidError, match=f"not a {type(names).__name__}") as caught:
        ocinb.layers(names, errors=errors)
    assert ("columns" in str(caught.value)) == isinstance(names, pd.DataFrame)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused_without_asking_anybody(registry: SampleRegistry, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers(name)
    assert str(caught.value).isprintable()
    frame = ocinb.layers([name, registry.reference("demo/hello")], errors="skip")
    assert len(frame) == 1
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [name]
    assert all("hello" in request.path for request in registry.requests)


def test_errors_takes_two_words() -> None:
    with pytest.raises(InvalidError, match="'raise' or 'skip', not 'ignore'"):
        ocinb.layers([], errors="ignore")  # type: ignore[arg-type]


def test_an_error_says_which_name_it_is_about(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    registry.fault("*/manifests/*", body="no json")
    with pytest.raises(OcinbError) as caught:
        ocinb.layers([name])
    assert caught.value.reference == name
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("images", "oci:images"),
        ("./images/", "oci:./images/"),
        ("~/images", "oci:~/images"),
        ("ocidir:images", "oci:images"),
        ("ocidir://images", "oci:images"),
        ("app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("docker-archve:app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("notes.txt", None),
        ("folder", None),
        ("x" * 200, None),
        ("a\0b", None),
    ],
)
def test_a_file_that_was_typed_without_its_transport_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings.offline = True
    write_layout(tmp_path / "images", {})
    (tmp_path / "folder").mkdir()
    for name in ("app.tar", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    for ask in (ocinb.layers, ocinb.tags, ocinb.document):
        with pytest.raises(OcinbError) as caught:
            ask(typed)
        assert ("Did you mean" in str(caught.value)) == (meant is not None)
        assert meant is None or caught.value.hint == f"Did you mean {meant}?"


def test_many_names_are_all_answered(registry: SampleRegistry) -> None:
    raw_names = [f"demo/many:{number}" for number in range(60)]
    for name in raw_names:
        registry.put_image("demo/many", [], tag=name.partition(":")[2], settings={"Labels": {"name": name}})
    names = [registry.reference(name) for name in raw_names]
    frame = ocinb.configs(names)
    assert frame["reference"].tolist() == names
    assert [labels["name"] for labels in frame["labels"]] == raw_names


@pytest.mark.parametrize("concurrency", [1, 3])
def test_order_does_not_hang_on_concurrency(registry: SampleRegistry, concurrency: int) -> None:
    settings.concurrency = concurrency
    try:
        names = [registry.reference(f"demo/shop:{tag}") for tag in ("2.0", "1.1", "1.0")]
        assert ocinb.configs(names)["reference"].tolist() == names
    finally:
        settings.concurrency = 6


@pytest.mark.parametrize("name", ["localhost:5000", "registry.example", "127.0.0.1:5000"])
def test_a_host_alone_is_told_from_a_repository_there(name: str) -> None:
    settings.offline = True
    with pytest.raises(TransportError, match=f"{name} alone is an image of Docker Hub; a repository .* {name}/NAME$"):
        ocinb.tags(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.repositories(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.tags(f"{name}/python")


@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Demo/shop", "demo/shop"),
        ("myOrg/team/app:V1", "myorg/team/app:V1"),
        ("Registry.example/shop", None),
        ("HOST:5000/shop", None),
    ],
)
def test_a_repository_with_capitals_that_is_read_as_a_host_is_suggested_without(name: str, meant: str | None) -> None:
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        ocinb.layers(name)
    hint = str(caught.value.hint)
    assert hint.endswith(f"{name.partition('/')[0]} was read as a host. Did you mean '{meant}'?") == (meant is not None)
    assert ("Did you mean" in hint) == (meant is not None)


def test_a_mistyped_transport_and_platform_are_told(registry: SampleRegistry) -> None:
    settings.offline = True
    with pytest.raises(OcinbError) as caught:
        ocinb.layers("docker-archve:x.tar")
    assert caught.value.hint == "Did you mean docker-archive:x.tar?"
    settings.offline = False
    for name in ("demo/shop:2.0", "demo/hello"):
        with pytest.raises(NotFoundError, match=r"linux/amd46\. Did you mean 'linux/amd64'\? It has: linux/amd64"):
            ocinb.layers(registry.reference(name), platform="linux/amd46")
    with pytest.raises(NotFoundError, match=r"linux/riscv64\. It has: linux/amd64"):
        ocinb.layers(registry.reference("demo/hello"), platform="linux/riscv64")
