"""The races of `make bench` run and say what they measured, with inputs so small that it takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import metadata, pull, run
from benchmarks.measuring import Count, Line, Ratio, table
from benchmarks.peers import Peer, missing, told
from tests.real.tools import require

TINY = pull.Inputs(large=600_000, small=120_000, noise=1_000_000)
NOBODY = Peer("ocinb-has-no-such-peer", package="none")


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
def test_all_contestants_pull_the_same_bytes_and_memory_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    # Seconds, for twenty interpreters that start and for a list of all that dpkg put on this machine.
    for peer in pull.PEERS:
        require(peer.name)
    lines = pull.race(1, TINY)
    ratios, counts = lines[:6], lines[6:]
    assert [line.goal for line in ratios] == [None, 0.7, 0.7, 1.2, None, None]
    assert all(ratio > 0 for line in ratios if isinstance(line, Ratio) for ratio in line.ratios)
    assert [line.goal for line in counts] == [60, 60]
    assert all(count >= 0 for line in counts if isinstance(line, Count) for count in line.counts)
    assert capsys.readouterr().out == ""  # the table is all that a race prints


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
    ]
    shown = table(lines).splitlines()
    assert [" ".join(line.split()) for line in shown[1:]] == [
        "fast slow 2.000 s 10.000 s 0.20 0.10-0.90 0.40 reached",
        "slow fast 5.000 s 10.000 s 0.50 0.50-0.50 0.40 MISSED",
        "known other 5.000 s 10.000 s 0.50 0.50-0.50",
        "requests 2 0-3 0 MISSED",
    ]
    assert [line.missed for line in lines] == [False, True, False, True]


def test_a_peer_that_is_not_here_is_told_with_the_way_to_have_it() -> None:
    assert missing([NOBODY]) == [NOBODY]
    assert "apt-get install none" in told([NOBODY])


def test_a_race_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["no-such-race"])
    assert "there are import, metadata, pull" in capsys.readouterr().err


def test_a_run_tells_the_machine_and_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["import", "--runs", "1"]) in {0, 1}  # whether the goal is reached is not for a test to say
    shown = capsys.readouterr().out
    assert "cores" in shown
    assert "import ocinb" in shown
