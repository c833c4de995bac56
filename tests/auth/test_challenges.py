"""What servers offer is read as the RFC writes it, and as servers write it, in time that grows with the header only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.auth.challenges import MAX_CHARACTERS, Challenge, parse_challenges, wider

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


tokens = st.text(TOKEN_CHARACTERS, min_size=1, max_size=12)


schemes = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)


values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=30)


token68s = st.from_regex(r"[A-Za-z0-9._~+/-]{1,20}={0,2}", fullmatch=True)


blanks = st.sampled_from(["", " ", "\t", "  \t "])


empty_elements = st.sampled_from([",", ", ", " , ,, ,\t"])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[Challenge]]:
    """Give challenges, and a header that says them."""
    parts, challenges = [], []
    for scheme in draw(st.lists(schemes, max_size=4)):
        parameters: dict[str, str] = {}
        if draw(st.booleans()):
            token68 = draw(token68s)
            challenges.append(Challenge(scheme, {}, token68))
            parts.append(f"{_mixed(draw, scheme)} {token68}")
            continue
        elements = []
        for name, value in draw(st.dictionaries(tokens.map(str.lower), values, max_size=4)).items():
            parameters[name] = value
            equals = f"{draw(blanks)}={draw(blanks)}"
            is_token = value != "" and set(value) <= set(TOKEN_CHARACTERS)
            shown = value if is_token and draw(st.booleans()) else _quoted(draw, value)
            elements.append(f"{_mixed(draw, name)}{equals}{shown}")
        challenges.append(Challenge(scheme, parameters))
        parts.append(f"{_mixed(draw, scheme)} {draw(empty_elements).join(elements)}")
    return draw(empty_elements).join(parts), challenges


def _mixed(draw: st.DrawFn, word: str) -> str:
    return word.upper() if draw(st.booleans()) else word


def _quoted(draw: st.DrawFn, value: str) -> str:
    is_wordy = draw(st.booleans())  # a quoted pair may stand where none is needed
    return '"' + "".join(f"\\{one}" if one in '"\\' or (is_wordy and one == "e") else one for one in value) + '"'


@given(written())
def test_what_was_written_is_read(case: tuple[str, list[Challenge]]) -> None:
    header, challenges = case
    assert parse_challenges(header) == challenges


@given(st.text(max_size=200))
def test_no_header_is_an_error(header: str) -> None:
    assert all(challenge.scheme for challenge in parse_challenges(header))


BEARER = Challenge("bearer", {"realm": "r", "service": "s"})


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("a" * 65_000, 1),
        ('a="' + "\\" * 65_001, 0),
        ('Basic a="' + 'b=\\"' * 16_000 + "\\", 1),
        ('a="' * 20_000, 0),
        ("a" + " " * 65_000, 1),
        ("a\t,\t" * 16_000, 16_000),
        ("=a" * 30_000, 0),
        ('"' * 65_000, 0),
        ("Basic " + "a=," * 20_000, 1),
    ],
)
def test_a_hostile_header_takes_no_longer_than_its_length(header: str, challenges: int) -> None:
    assert len(parse_challenges(header)) == challenges, "and what grows with the square runs into the time limit"


OURS = "repository:demo/shop:pull"


READING = [
    "repository:proxy/demo/shop:pull",
    "repository(plugin):demo/shop:pull",
    "repository:demo/shop:pull,metadata_read",
]


NEVER = [
    "",
    OURS,
    "repository:other:pull,push",
    "repository:other:delete",
    "repository:a:pull\r\nX: y",
    "repository:\x00:pull",
    'a"b',
    "a\\b",
    "ü",
    "repository:a:pull " * (MAX_CHARACTERS // 18 + 1),
]


@pytest.mark.parametrize("named", NEVER)
def test_what_is_never_asked_for(named: str) -> None:
    assert wider(OURS, named, insufficient=False) == wider(OURS, named, insufficient=True) == (OURS,)
