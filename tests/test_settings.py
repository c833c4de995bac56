"""Settings are read from the environment, refused at once if they are wrong, and never show a secret."""

import copy
import pprint
import traceback
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import Settings
from ocinb.errors import InvalidError

NUMBERS = [entry.name for entry in fields(Settings) if entry.type in ("int", "float")]
SECRET = "s3cret-Word"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in fields(Settings):
        monkeypatch.delenv(f"OCINB_{entry.name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("platform", "linux/arm64", "linux/arm64"),
        ("store_dir", "/somewhere/store", Path("/somewhere/store")),
        ("cache_dir", "/somewhere/cache", Path("/somewhere/cache")),
        ("progress", "off", False),
        ("progress", "0", False),
        ("progress", "FALSE", False),
        ("progress", "Yes", True),
        ("timeout", "2.5", 2.5),
        ("tag_ttl", "0", 0),
        ("insecure_registries", "clear.example:5000, 10.0.0.0/8", ("clear.example:5000", "10.0.0.0/8")),
        ("offline", "yes", True),
        *((name, "7", 7) for name in NUMBERS),
    ],
)
def test_each_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    default = Settings()
    monkeypatch.setenv(f"OCINB_{name.upper()}", text)
    found = getattr(Settings(), name)
    assert found == value
    assert type(found) is type(getattr(default, name))


def test_every_setting_but_credentials_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in fields(Settings):
        monkeypatch.setenv(f"OCINB_{entry.name.upper()}", "1")
    settings = Settings()
    assert {str(getattr(settings, entry.name)) for entry in fields(Settings)} == {
        "1", "1.0", "True", str(Path("1").absolute()), "Credentials({})", "('1',)",
    }  # fmt: skip


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCINB_TAG_TTL", "soon")
    with pytest.raises(InvalidError) as caught:
        Settings()
    assert str(caught.value) == (
        "the setting 'tag_ttl' takes a value of type int, not 'soon'. It was read from OCINB_TAG_TTL"
    )
    with pytest.raises(InvalidError, match=r"not 'never'$"):
        Settings(tag_ttl="never")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "meant"), [("nope", ". Did you mean 'no'?"), ("Flase", ". Did you mean 'false'?"), ("maybe", "")]
)
def test_who_mistypes_yes_or_no_is_told_what_there_is(monkeypatch: pytest.MonkeyPatch, text: str, meant: str) -> None:
    words = f"In words 1, true, yes or on is True, and 0, false, no or off is False{meant}"
    with pytest.raises(InvalidError) as caught:
        Settings().progress = text  # type: ignore[assignment]
    assert str(caught.value) == f"the setting 'progress' takes True or False, not {text!r}. {words}"
    monkeypatch.setenv("OCINB_PROGRESS", text)
    with pytest.raises(InvalidError) as caught:
        Settings()
    assert caught.value.hint == f"It was read from OCINB_PROGRESS. {words}"
    with pytest.raises(InvalidError, match=r"takes True or False, not None\. del ocinb"):
        Settings(progress=None)  # type: ignore[arg-type]


def test_a_repr_has_a_line_for_each() -> None:
    first, *lines, last = repr(Settings(tag_ttl=7)).splitlines()
    assert (first, last) == ("Settings(", ")")
    assert [line.strip().partition("=")[0] for line in lines] == [entry.name for entry in fields(Settings)]
    assert "    tag_ttl=7," in lines


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag_ttl", "soon"),
        ("tag_ttl", None),
        ("tag_ttl", 1.5),
        ("tag_ttl", "1.5"),
        ("tag_ttl", True),
        ("tag_ttl", float("inf")),
        ("tag_ttl", -1),
        ("concurrency", 0),
        ("timeout", 0),
        ("timeout", -0.5),
        ("timeout", float("nan")),
        ("timeout", "inf"),
        ("timeout", True),
        ("timeout", None),
        ("progress", "maybe"),
        ("progress", None),
        ("progress", 2),
        ("platform", None),
        ("platform", 386),
        ("platform", ""),
        ("store_dir", None),
        ("store_dir", "a\0b"),
        ("store_dir", "\ud800"),
        ("store_dir", ""),
        ("store_dir", 3),
        ("store_dir", b"/store"),
        ("store_dir", "~nobody-has-this-name/store"),
        *((name, -1) for name in NUMBERS),
    ],
)
def test_wrong_values_are_refused_at_once_and_change_nothing(name: str, value: Any) -> None:
    settings = Settings()
    before = getattr(settings, name)
    with pytest.raises(InvalidError, match=f"^the setting '{name}' "):
        setattr(settings, name, value)
    assert getattr(settings, name) == before


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tag_tll", "Did you mean 'tag_ttl'?"),
        ("concurency", "Did you mean 'concurrency'?"),
        ("zzz", "There are: platform, credentials, store_dir, "),
    ],
)
def test_unknown_names_are_refused_with_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        setattr(Settings(), name, 1)
    assert str(caught.value).startswith(f"there is no setting '{name}'. {hint}")
    assert not hasattr(Settings(), name)


def test_credentials_are_kept_by_host() -> None:
    settings = Settings()
    settings.credentials["registry.example"] = ("ada", SECRET)
    assert settings.credentials["registry.example"] == ("ada", SECRET)
    assert settings.credentials.get("other.example") is None
    assert list(settings.credentials) == ["registry.example"]
    del settings.credentials["registry.example"]
    assert not settings.credentials


def test_secrets_are_never_shown() -> None:
    settings = Settings()
    settings.credentials["registry.example"] = ("ada-user", SECRET)
    credentials = settings.credentials
    shown = [
        repr(settings), str(settings), f"{settings}", pprint.pformat(settings), repr(credentials), str(credentials),
        f"{credentials:}", pprint.pformat(credentials), repr(credentials.items()), repr(credentials.values()),
        repr(copy.deepcopy(settings)), repr([credentials]),
    ]  # fmt: skip
    assert not [text for text in shown if SECRET in text or "ada-user" in text]
    assert "registry.example" in repr(settings)


@pytest.mark.parametrize(
    ("host", "pair"),
    [
        ("registry.example", SECRET),
        ("registry.example", ("ada", SECRET, "more")),
        ("registry.example", (SECRET,)),
        ("registry.example", ("ada", SECRET.encode())),
        ("registry.example", {"ada": SECRET}),
        ("registry.example", [SECRET, None]),
        (("ada", SECRET), "registry.example"),
        (SECRET.encode(), ("ada", "x")),
    ],
)
def test_wrong_credentials_are_refused_without_being_quoted(host: Any, pair: Any) -> None:
    settings = Settings()
    with pytest.raises(InvalidError, match=r"\(user, secret\)|a host is a text") as caught:
        settings.credentials[host] = pair
    with pytest.raises(InvalidError) as caught_too:
        settings.credentials = {host: pair}  # type: ignore[assignment]
    for error in (caught.value, caught_too.value):
        assert SECRET not in "".join(traceback.format_exception(error))
        assert SECRET not in repr(vars(error))
    assert settings.credentials == {}


@pytest.mark.parametrize("value", [f"ada:{SECRET}", ("ada", SECRET), [("registry.example", ("ada", SECRET))], 5])
def test_credentials_that_are_no_mapping_are_refused_without_being_quoted(value: Any) -> None:
    with pytest.raises(InvalidError, match=r"^credentials have to be a mapping from a host to a pair") as caught:
        Settings().credentials = value
    assert SECRET not in repr(vars(caught.value))


def test_a_notebook_shows_what_each_means_and_no_secret() -> None:
    settings = Settings()
    settings.credentials["ghcr.io"] = ("ada", "s3cret")
    html = settings._repr_html_()
    assert "s3cret" not in html
    assert "ghcr.io" in html
    assert "seconds for which a tag is believed without asking again" in html
    assert html.count("<tr") == len(fields(Settings))


def test_what_was_set_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Settings()
    before = made.platform
    made.platform = "linux/s390x"
    with pytest.raises(InvalidError) as caught:
        made.platform = None  # type: ignore[assignment]
    assert str(caught.value).endswith("not None. del ocinb.settings.platform gives it its first value again")
    assert made.platform == "linux/s390x"
    del made.platform
    assert made.platform == before
    monkeypatch.setenv("OCINB_TAG_TTL", "7")
    del made.tag_ttl
    assert made.tag_ttl == 7
    with pytest.raises(InvalidError, match="Did you mean 'tag_ttl'"):
        del made.tag_tll  # type: ignore[attr-defined]


def test_reading_an_unknown_name_is_an_attribute_error_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match=r"there is no setting 'offlin'\. Did you mean 'offline'\?"):
        _ = Settings().offlin  # type: ignore[attr-defined]
    assert not hasattr(Settings(), "_ipython_display_")
