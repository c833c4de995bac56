"""Each platform has one normal form, and the image that is chosen is one that runs there."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.spec.platforms import Platform, choose_platform, meant_platform, parse_platform


@pytest.mark.parametrize("text", ["toaster", "v7", "all", "linux-amd64"])
def test_a_word_that_is_neither_system_nor_architecture_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match=f"'{text}' is neither an operating system nor an architecture"):
        parse_platform(text)


_OSES = st.sampled_from(["linux", "Linux", "windows", "macos", "darwin"])
_ARCHITECTURES = st.sampled_from(
    ["amd64", "x86_64", "arm", "armhf", "armel", "arm64", "aarch64", "386", "i386", "s390x"]
)
_VARIANTS = st.sampled_from([None, "v1", "v2", "v5", "6", "v7", "v8", "V8", "v8.0", "v8.1", "8.2", "v9", "z13", "v"])
_PLATFORMS = st.builds(Platform, _OSES, _ARCHITECTURES, _VARIANTS)


def _variant(platform: Platform) -> tuple[int, ...]:
    _, architecture, *variant = str(platform).split("/")
    said = variant[0] if variant else {"arm64": "v8"}.get(architecture, "v1")
    return tuple(int(part) for part in said.removeprefix("v").split("."))


@given(_PLATFORMS)
def test_the_normal_form_is_its_own(platform: Platform) -> None:
    assert str(parse_platform(str(platform))) == str(platform)
    assert choose_platform([parse_platform(str(platform))], platform) == 0


@given(st.text(max_size=12) | st.from_regex(r"[a-z0-9]{1,6}(/[A-Za-z0-9._-]{1,5}){0,2}", fullmatch=True))
def test_any_text_is_a_platform_with_a_normal_form_or_is_refused(text: str) -> None:
    try:
        platform = parse_platform(text)
    except InvalidError:
        return
    assert str(parse_platform(str(platform))) == str(platform)


@given(st.lists(st.none() | _PLATFORMS, min_size=2, max_size=5), _PLATFORMS)
def test_the_choice_runs_on_what_was_wanted(offered: list[Platform | None], wanted: Platform) -> None:
    place = choose_platform(offered, wanted)
    if place is None:
        assert str(wanted) not in {str(one) for one in offered if one}
        return
    chosen = offered[place]
    assert chosen is not None
    assert str(chosen).split("/")[:2] == str(wanted).split("/")[:2]
    assert str(chosen) == str(wanted) or _variant(chosen) <= _variant(wanted)
    assert not [one for one in offered[:place] if one and str(one) == str(chosen)], "the first of equals"
    if str(wanted) in {str(one) for one in offered if one}:
        assert str(chosen) == str(wanted)


@given(st.lists(_PLATFORMS, min_size=1, max_size=4), _PLATFORMS)
def test_the_order_of_an_index_only_breaks_ties(offered: list[Platform], wanted: Platform) -> None:
    places = ((order, choose_platform(order, wanted)) for order in permutations(offered))
    assert len({None if place is None else str(order[place]) for order, place in places}) == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("arm64/v8", "Did you mean linux/arm64/v8?"),
        ("armhf/v6", "Did you mean linux/armhf/v6?"),
        ("amd46", "Did you mean 'amd64'?"),
        ("Widows", "Did you mean 'windows'?"),
        ("toaster", "Try linux/amd64"),
    ],
)
def test_a_platform_that_is_nearly_one_is_suggested(text: str, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_platform(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("os", "architecture", "meant"),
    [
        ("linux", "amd46", "linux/amd64"),
        ("linx", "arm64", "linux/arm64"),
        ("Linux", "x86_46", "linux/amd64"),
        ("linux", "riscv64", None),
        ("windows", "amd64", None),
        ("linux", "qqq", None),
    ],
)
def test_a_mistyped_platform_is_told_from_one_that_is_not_there(os: str, architecture: str, meant: str | None) -> None:
    assert meant_platform(Platform(os, architecture)) == meant
