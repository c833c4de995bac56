"""A trace has every exchange of its block and nothing secret; a fresh one begins with nothing and keeps nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.notebook.trace.trace import Trace
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import default_session

COLUMNS = {
    "method": "str",
    "url": "str",
    "status": "Int64",
    "from_cache": "boolean",
    "transferred_bytes": "Int64",
    "seconds": "Float64",
    "reason": "str",
    "request_headers": "object",
    "response_headers": "object",
    "token_claims": "object",
}
USER, SECRET = "ada", "s3cret-of-ada"


@pytest.fixture
def private() -> Iterator[SampleRegistry]:
    with start_registry(credentials=(USER, SECRET)) as running:
        settings.credentials[running.host] = (USER, SECRET)
        yield running


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def kept() -> list[Path]:
    folders = (settings.store_dir, settings.cache_dir)
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_trace_of_nothing_says_so(registry: SampleRegistry) -> None:
    name = registry.reference("demo/hello")
    digest = ocinb.document(name).digest
    with ocinb.trace() as trace:
        ocinb.document(registry.reference(f"demo/hello@{digest}"))
    assert len(trace.frame) == 0
    assert {column: str(dtype) for column, dtype in trace.frame.dtypes.items()} == COLUMNS
    assert "trace(fresh=True) shows the way anew" in repr(trace)
    assert "trace(fresh=True) shows the way anew" in trace._repr_html_()


def test_it_can_be_looked_at_at_any_time(registry: SampleRegistry) -> None:
    trace = ocinb.trace()
    assert len(trace.frame) == 0
    assert "nothing was watched yet" in repr(trace)
    with trace:
        assert "still running" in repr(trace)
        ocinb.document(registry.reference("demo/hello"))
        assert len(trace.frame) == 1
        assert "still running" in trace._repr_html_()
    assert "still running" not in repr(trace)
    assert len(trace.frame) == 1
    ocinb.tags(registry.reference("demo/hello"))
    assert len(trace.frame) == 1


@pytest.mark.parametrize("fresh", [False, True])
def test_a_trace_is_of_one_block(*, fresh: bool) -> None:
    trace = ocinb.trace(fresh=fresh)
    with trace, pytest.raises(InvalidError, match="of one block"), trace:
        pytest.fail("it was entered twice")
    with pytest.raises(InvalidError, match=r"ocinb\.trace\(\)"), trace:
        pytest.fail("it was entered again")


def test_a_fresh_one_keeps_nothing(registry: SampleRegistry, temporary: Path) -> None:
    with ocinb.trace(fresh=True):
        name = registry.reference("demo/shop:2.0")
        ocinb.layers(name)
        [path, *_] = ocinb.pull(name, progress=False)["path"]
        assert Path(path).exists()
        assert len(list(temporary.iterdir())) == 1
    assert kept() == []
    assert not Path(path).exists()
    assert list(temporary.iterdir()) == []
    count = len(registry.requests)
    ocinb.document(name)
    assert len(registry.requests) == count + 1


def test_a_fresh_one_pulls_into_a_destination(registry: SampleRegistry, tmp_path: Path) -> None:
    with ocinb.trace(fresh=True) as trace:
        frame = ocinb.pull(registry.reference("demo/hello"), destination=tmp_path / "layout", progress=False)
    assert all(Path(path).exists() for path in frame["path"])
    assert len(trace.frame) == len(registry.requests)
    assert kept() == []


SHOWN: list[Callable[[Trace], str]] = [
    repr,
    lambda trace: trace._repr_html_(),
    lambda trace: str(trace.frame.to_dict("records")),
]


@pytest.mark.parametrize("show", SHOWN)
@pytest.mark.parametrize("fresh", [False, True])
def test_no_secret_is_shown(
    private: SampleRegistry, show: Callable[[Trace], str], monkeypatch: pytest.MonkeyPatch, *, fresh: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with ocinb.trace(fresh=fresh) as trace:
        ocinb.pull(private.reference("demo/shop:2.0"), progress=False)
        ocinb.tags(private.reference("demo/shop"))
    spoken = [(request.header("Authorization") or "").partition(" ")[2] for request in private.requests]
    secrets = {SECRET, *filter(None, spoken), *(text.rpartition(".")[2] for text in spoken if "." in text)}
    assert len(secrets) > 2
    shown = show(trace)
    assert "tags/list?n=1000" in shown
    assert not [secret for secret in secrets if secret in shown]


def test_where_there_is_no_room_a_fresh_one_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(TransportError, match="no temporary folder") as caught, ocinb.trace(fresh=True):
        pytest.fail("it began")
    assert "TMPDIR" in str(caught.value)
    assert default_session().store.root == settings.store_dir
