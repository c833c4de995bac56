"""Whatever the page sends has an answer or an error in words, and nothing it sends does harm."""

from __future__ import annotations

import gc
import logging
import shutil
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ocinb
from ocinb._pool import run_all
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.frames import layer_reader
from ocinb.notebook.explore import platform_images, serialize
from ocinb.notebook.explore.backend import MOST_CHARACTERS, Answers, open_answers
from ocinb.progress.protocol import State
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.tars import directory, file, hardlink, symlink, whiteout
from ocinb.sources.session import default_session
from tests.documents import REPOSITORY, layer, put_schema1
from tests.frames.layerfacts import put_layers
from tests.frames.test_layer_reader import Board
from tests.notebook.exploring.asking import ask, every_entry, refused, reply
from tests.notebook.exploring.largeimage import path_of, put_large_image
from tests.spec.signing import Step

SHOP = "demo/shop:2.0"


@pytest.fixture
def shop(registry: SampleRegistry) -> Answers:
    return open_answers(registry.reference(SHOP), platform="amd64")


def names(answer: dict[str, Any]) -> list[str]:
    return [one["name"] for one in answer["entries"]]


def test_whoever_is_told_of_the_reading_may_end_it(shop: Answers) -> None:
    question = {"ask": "image", "platform": "linux/arm64"}
    with pytest.raises(KeyboardInterrupt):
        shop.answer(question, progress=Board(stop_at=State.DOWNLOADING))
    board = Board()
    assert "answer" in shop.answer(question, progress=board)
    assert len(board.tasks) == 7
    assert "answer" in shop.answer(question, progress=board)
    assert len(board.tasks) == 7, "it is read once"


@pytest.mark.parametrize(
    ("question", "message", "hint"),
    [
        ({"ask": "child"}, "ask takes", "children"),
        ({"ask": None}, "ask takes a text, not None", ""),
        ({"ask": ["children"]}, "ask takes a text", ""),
        ({"ask": "children"}, "path takes a text, not None", ""),
        ({"ask": "children", "path": 5}, "path takes a text, not 5", ""),
        ({"ask": "children", "path": "x" * (MOST_CHARACTERS + 1)}, "path has 5,001 characters", ""),
        ({"ask": "children", "path": "srv/shp"}, "there is no folder 'srv/shp' here", "Did you mean 'shop'?"),
        ({"ask": "children", "path": "none/none"}, "there is no folder 'none/none' here", ""),
        ({"ask": "children", "path": "usr/bin/bash"}, "'usr/bin/bash' is no folder, but a file", ""),
        ({"ask": "children", "path": "", "layer": 7}, "the image has no layer 7: it has 7, from 0 to 6", ""),
        ({"ask": "children", "path": "", "layer": 10**400}, "the image has no layer 1000000", ""),
        ({"ask": "children", "path": "", "layer": -1}, "layer takes a number from 0 on, not -1", ""),
        ({"ask": "children", "path": "", "layer": "0"}, "layer takes a number from 0 on, not '0'", ""),
        ({"ask": "children", "path": "", "layer": True}, "layer takes a number from 0 on, not True", ""),
        ({"ask": "children", "path": "", "offset": -1}, "offset takes a number from 0 on, not -1", ""),
        ({"ask": "children", "path": "", "limit": 1.5}, "limit takes a number from 0 on, not 1.5", ""),
        ({"ask": "children", "path": "", "sort": "sizes"}, "sort takes 'size' or 'name', not 'sizes'", "'size'"),
        ({"ask": "children", "path": "", "platform": "linux/arm65"}, "there is no image for", "linux/arm64"),
        ({"ask": "children", "path": "", "platform": "zos"}, "there is no image for 'zos'", "It has: linux/amd64"),
        ({"ask": "search", "pattern": "  "}, "there is nothing to search for", "Type a word"),
        ({"ask": "search", "pattern": "x" * 1001}, "the pattern has 1,001 characters", ""),
        ({"ask": "search", "pattern": {}}, "pattern takes a text, not {}", ""),
        ({"ask": "file", "path": "no/such"}, "no layer stores 'no/such'", ""),
        ({"ask": "preview", "path": "no/such"}, "there is no 'no/such' in the final file system", ""),
        ({"ask": "preview", "path": "usr"}, "is a directory", ""),
        ({"ask": "preview", "path": "srv/shop/deploy.key"}, "there is no", "Layer 4 stores it, and layer 5 hides it"),
        ({"ask": "preview", "path": "srv/shop/deploy.key", "layer": 0}, "layer 0 stores no", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(shop: Answers, question: dict[str, Any], message: str, hint: str) -> None:
    told = refused(shop, **{"what": question.pop("ask"), **question})
    assert message in told[0]
    assert hint in told[1]
    assert told[0].count("\n") == 0


@pytest.mark.parametrize("question", [None, 5, "children", [], b"x", {}, {"id": 3}])
def test_what_is_no_question_has_an_error(shop: Answers, question: object) -> None:
    told = shop.answer(question)
    assert told["id"] == (question.get("id") if isinstance(question, dict) else None)
    assert told["error"]["message"]


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.lists(st.integers(), max_size=2)
)
_WORDS = ("id", "platform", "layer", "path", "sort", "offset", "limit", "pattern", "around")
FIELDS = {
    **dict.fromkeys(_WORDS, ODD),
    "kinds": st.one_of(ODD, st.lists(st.sampled_from(["added", "modified", "deleted", "hidden", "x"]), max_size=3)),
}


def test_whatever_is_sent_is_answered(registry: SampleRegistry) -> None:
    answers = open_answers(put_layers(registry, [file("a/b", "x"), symlink("l", "a")], [whiteout("a/b")]))
    asked = st.sampled_from(["image", "children", "search", "file", "preview", "waste", "copies"])

    @settings(max_examples=300)
    @given(st.fixed_dictionaries({"ask": asked}, optional=FIELDS))
    def send(question: dict[str, Any]) -> None:
        told = answers.answer(question)
        assert ("answer" in told) != ("error" in told)
        assert "ocinb failed" not in str(told.get("error"))

    send()


def test_the_tag_may_move_meanwhile(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("a", "before")])
    answers = open_answers(name)
    put_layers(registry, [file("a", "after")])
    ocinb.settings.tag_ttl = 0
    try:
        assert ocinb.read(name, "a") == b"after"
        assert ask(answers, "preview", path="a")["text"] == "before"
    finally:
        del ocinb.settings.tag_ttl


def test_a_registry_that_went_is_an_error_and_what_is_here_goes_on() -> None:
    with start_registry() as registry:
        answers = open_answers(registry.reference(SHOP), platform="amd64")
    message, _ = refused(answers, "image", platform="linux/arm64")
    assert "cannot be reached" in message
    assert ask(answers, "preview", path="srv/shop/settings.toml")["text"]
    assert ask(answers, "children", path="")["total"]


QUESTIONS: list[dict[str, Any]] = [
    {"ask": "children", "path": "srv/shop"},
    {"ask": "children", "path": "", "layer": 5},
    {"ask": "search", "pattern": "*.py"},
    {"ask": "preview", "path": "srv/shop/settings.toml"},
    {"ask": "waste"},
    {"ask": "image"},
]


def test_what_was_forgotten_is_read_again_without_a_registry() -> None:
    with start_registry() as registry:
        answers = open_answers(registry.reference(SHOP), platform="amd64")
    told = [answers.answer(question) for question in QUESTIONS]
    image = weakref.ref(answers._offered.explored("linux/amd64"))
    assert answers.is_at_hand({"platform": "linux/amd64"})
    for question, before in zip(QUESTIONS, told, strict=True):
        _forget(answers)
        assert image() is None
        assert not answers.is_at_hand(question)
        assert answers.answer(question) == before
        assert answers.is_at_hand(question)
    assert not answers.is_at_hand({"platform": "linux/arm64"})
    assert answers.is_at_hand({"platform": "linux/no"}), "which is an error at once"


def test_what_was_forgotten_and_is_nowhere_is_an_error() -> None:
    with start_registry() as registry:
        answers = open_answers(registry.reference(SHOP), platform="amd64")
    shutil.rmtree(default_session().store.root)
    _forget(answers)
    message, _ = refused(answers, "children", path="")
    assert "cannot be reached" in message
    answers.close()
    _forget(answers)
    assert refused(answers, "children", path="")[0] == "the explorer was closed"


def test_threads_may_ask_while_others_forget(registry: SampleRegistry) -> None:
    answers = open_answers(registry.reference(SHOP), platform="amd64")
    told = [answers.answer(question) for question in QUESTIONS]

    def act(place: int) -> bool:
        if place % 4 == 0:
            _forget(answers)
        return answers.answer(QUESTIONS[place % len(QUESTIONS)]) == told[place % len(QUESTIONS)]

    assert all(run_all(act, range(120), workers=8))


def _forget(answers: Answers) -> None:
    """Let go of all, also of what a session keeps for whoever comes next."""
    answers.forget()
    layer_reader._recent_of(default_session())._kept.clear()
    gc.collect()


def test_a_mistake_of_ours_is_an_answer_too(
    shop: Answers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shop._offered, "explored", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "ocinb"):
        assert refused(shop, "image") == ("ocinb failed: ZeroDivisionError", "")
    assert "the explorer cannot answer" in caplog.text


def test_an_image_of_schema_1(registry: SampleRegistry) -> None:
    base = layer("a")
    registry.put_blob(base.raw)
    put_schema1(registry, Step(["/bin/sh", "-c", "#(nop) ADD x"], str(base.digest)))
    answers = open_answers(registry.reference(f"{REPOSITORY}:old"))
    told = answers.opening["image"]
    assert (told["compressed_bytes"], told["layers"][0]["compressed_bytes"]) == (None, None)
    assert told["layers"][0]["instruction"] == "ADD x"
    assert names(ask(answers, "children", path="")) == ["a"]


def test_what_is_no_image_is_refused(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="has no files: it is no image"):
        open_answers(registry.reference("demo/chart:0.1"))
    with pytest.raises(NotFoundError, match="there is no image for windows/amd64"):
        open_answers(registry.reference(SHOP), platform="windows/amd64")
    with pytest.raises(NotFoundError):
        open_answers(registry.reference("demo/none"))
    with pytest.raises(TransportError):
        open_answers("127.0.0.1:1/demo/shop")


@pytest.mark.parametrize("platform", ["all", ["amd64", "arm64"], 5])
def test_it_opens_with_one_platform(registry: SampleRegistry, platform: Any) -> None:
    with pytest.raises(InvalidError, match="opens the image of one platform"):
        open_answers(registry.reference(SHOP), platform=platform)


@pytest.fixture
def shop_of_asks(registry: SampleRegistry) -> Answers:
    return open_answers(registry.reference("demo/shop:2.0"), platform="amd64")


def test_around_a_marker_and_a_file_of_one_name_is_the_file(registry: SampleRegistry) -> None:
    answers = open_answers(
        put_layers(registry, [file("a"), file("b")], [whiteout("a"), file("a", "new"), whiteout("b")])
    )
    told = ask(answers, "children", path="", layer=1, around="a", sort="name")
    assert [one["type"] for one in told["entries"]] == ["whiteout", "file", "whiteout"]
    assert told["entries"][told["index"]]["type"] == "file"
    assert ask(answers, "children", path="", layer=1, around="b", sort="name")["index"] == 2


def test_a_file_that_is_too_large_is_not_read(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_images, "READ_BYTES", 10)
    monkeypatch.setattr(serialize, "SHOWN_BYTES", 4)
    links = [symlink("link", "large"), hardlink("hard", "large")]
    stack = [[file("small", "0123456789"), file("large", "0123456789a"), *links]]
    answers = open_answers(put_layers(registry, *stack))
    assert ask(answers, "preview", path="small")["text"] == "0123"
    assert "no more than 10 B are read" in refused(answers, "preview", path="large")[0]
    assert "layer=0" in refused(answers, "preview", path="large", layer=0)[1]
    for name in ("link", "hard"):
        for number in (None, 0):
            assert "the file has 11 B" in refused(answers, "preview", path=name, layer=number)[0]


def test_kinds_hold_for_folders_and_searches(shop_of_asks: Answers) -> None:
    at: dict[str, Any] = {"layer": 5, "kinds": ["deleted"]}
    entries = every_entry(shop_of_asks, **at)
    assert {one["change"] for one in entries if one["type"] != "directory"} == {"deleted"}
    assert (
        sum(one["type"] != "directory" for one in entries)
        == ask(shop_of_asks, "children", path="", **at)["whole"]["kinds"]["deleted"]
    )
    found = ask(shop_of_asks, "search", pattern="*apt*", **at)
    assert found["entries"]
    assert {one["change"] for one in found["entries"]} == {"deleted"}
    hidden = ask(shop_of_asks, "search", pattern="*", kinds=["hidden"])
    unseen = ask(shop_of_asks, "search", pattern="*")["unseen"]
    assert (hidden["rows"], hidden["total_bytes"]) == (unseen["total"], unseen["total_bytes"])
    assert "no layer 99" in refused(shop_of_asks, "children", path="", layer=99)[0]
    assert "there is no folder 'var'" in refused(shop_of_asks, "children", path="var", layer=4, kinds=["added"])[0]


def test_copies_are_listed_and_names_of_one_content_are_none(registry: SampleRegistry, shop_of_asks: Answers) -> None:
    told = ask(shop_of_asks, "copies")
    assert sum(one["copied_bytes"] for one in told["entries"]) == told["duplicate_bytes"] > 0
    stack = [[file("a", "xx"), hardlink("b", "a"), file("c", "xx"), file("e", ""), file("f", "")], [file("d", "xx")]]
    [entry] = ask(open_answers(put_layers(registry, *stack)), "copies")["entries"]
    assert (entry["path"], entry["others"], entry["copies"]) == ("a", ["c", "d"], 3)
    assert (entry["size_bytes"], entry["copied_bytes"], len(entry["sha256"])) == (2, 4, 64)


def test_links_tell_where_they_lead_through_other_links(registry: SampleRegistry) -> None:
    links = [symlink("lib", "usr/lib"), symlink("way", "lib/x"), symlink("out", "none"), symlink("gone", "lib/x")]
    stack = [[directory("usr/lib"), file("usr/lib/x"), *links], [whiteout("gone")]]
    answers = open_answers(put_layers(registry, *stack))
    ways = {name: ask(answers, "file", path=name)["versions"][0] for name in ("way", "lib", "out", "gone")}
    assert {name: one.get("link_path", "-") for name, one in ways.items()} == {
        "way": "usr/lib/x",
        "lib": "usr/lib",
        "out": None,
        "gone": "-",
    }


def test_a_large_image(registry: SampleRegistry) -> None:
    answers = open_answers(put_large_image(registry, 5000))
    assert ask(answers, "children", path="var/cache", layer=0)["total"] == 700
    assert ask(answers, "children", path="", sort="name")["total"] == 4
    overwritten = ask(answers, "file", path=path_of(1000))["versions"]
    assert [one["change"] for one in overwritten] == ["added", "modified"]
    assert refused(answers, "children", path="opt/m0001")[0]
    assert (
        ask(answers, "search", pattern="*.js")["total"]
        == reply(answers, {"ask": "search", "pattern": ".js"})["answer"]["total"]
    )
