"""A trace has every exchange of its block and nothing secret; a fresh one begins with nothing and keeps nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.notebook.trace.trace import Trace
from ocinb.notebook.trace.window import LEAST_PATH, lines, window
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import default_session
from tests.notebook.tracing.telling import step

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


VOID = {"br"}


class Reader(HTMLParser):
    """Reads HTML, and knows when a tag is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def read(*args: Any, **kwargs: Any) -> Reader:
    reader = Reader(window(*args, **kwargs))
    assert reader.open == []
    return reader


@pytest.mark.parametrize("header", ["", ",,,", "Bearer", '"""', "Basic realm=", "=" * 100, "Bearer realm=\x00<b>"])
def test_an_odd_challenge_is_no_error(header: str) -> None:
    assert (
        "<b>" not in window([step(status=401, response_headers={"www-authenticate": header})], "").split("</b>", 1)[1]
    )


def test_claims_are_told_in_words() -> None:
    claims = {"exp": 1_764_000_000, "sub": "", "other": {"a": [1]}}
    told = read([step(token_claims=claims)], "").text
    assert 'valid until 2025-11-24 16:00:00 UTC given to nobody in particular other {"a": [1]}' in told


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202e"


def test_strangers_are_escaped_wherever_they_stand() -> None:
    told = read(
        [
            step(
                f"https://{EVIL}/{EVIL}?{EVIL}",
                method=EVIL,
                reason=EVIL,
                status=401,
                request_headers={EVIL: EVIL},
                response_headers={EVIL: EVIL, "www-authenticate": f'Bearer realm="{EVIL}",service={EVIL}'},
                token_claims={EVIL: EVIL, "access": [{"type": EVIL, "name": EVIL, "actions": [EVIL]}], "exp": EVIL},
            )
        ],
        EVIL,
    )
    assert not {"script", "img"} & set(told.tags)
    assert told.attributes <= {"class", "style"}
    assert "<script>alert(1)</script>" in told.text
    assert "\x1b" not in told.text
    assert "\u202e" not in told.text


def test_a_long_header_is_cut() -> None:
    assert len(window([step(request_headers={"x": "y" * 100_000})], "")) < 20_000


LONG = "https://registry.example/v2/" + "a-long-name/" * 20 + "manifests/2.0"


@pytest.mark.parametrize("columns", [40, 80, 100, 140, 300])
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    _, *told = lines([step(LONG, reason="r" * 100, seconds=number) for number in (0.01, 60)], "").split("\n")
    assert len(told) == 2
    assert max(map(len, told)) <= columns
    assert all("2.0" in line for line in told if columns >= 40 + LEAST_PATH)
    assert all("200" in line for line in told if columns >= 80)


def test_strangers_move_no_cursor() -> None:
    told = lines([step("https://registry.example/\x1b[2J", reason="a\x1b[2J\nb", method="G\x1bT")], "")
    assert "\x1b" not in told
    assert told.count("\n") == 1


STATUSES: list[tuple[int | None, bool, str, str]] = [
    (200, False, "200 OK", "good"),
    (206, False, "206 Partial Content", "good"),
    (200, True, "200 OK", "kept"),
    (304, True, "304 Not Modified", "kept"),
    (307, False, "307 Temporary Redirect", "onward"),
    (401, False, "401 Unauthorized", "closed"),
    (404, False, "404 Not Found", "bad"),
    (503, False, "503 Service Unavailable", "bad"),
    (799, False, "799", "bad"),
    (None, False, "no answer", "bad"),
]


@pytest.mark.parametrize(("status", "from_cache", "text", "kind"), STATUSES)
def test_a_status_has_its_name_and_its_kind(*, status: int | None, from_cache: bool, text: str, kind: str) -> None:
    told = step(status=status, from_cache=from_cache)
    assert told.status == text
    assert told.kind == kind


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "challenge"), (304, "still right"), (302, "elsewhere"), (502, "a moment"), (None, "connection")],
)
def test_a_status_has_a_meaning(status: int | None, word: str) -> None:
    assert word in step(status=status).meaning


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"transferred_bytes": 1234}, "1.2 kB"),
        ({"transferred_bytes": 0}, "0 B"),
        ({"transferred_bytes": 0, "from_cache": True}, "from cache"),
        ({"transferred_bytes": 0, "from_cache": True, "status": 304}, "confirmed"),
    ],
)
def test_a_size_says_what_came_over_the_wire(changes: dict[str, Any], size: str) -> None:
    assert step(**changes).size == size
