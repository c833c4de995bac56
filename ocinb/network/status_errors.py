"""Refusals: what an answer that is not good means, as an error that says what to try.

Source: OCI distribution-spec v1.1, "Error Codes".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ocinb.errors import AuthError, NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.network.addresses import netloc_of, safe_url
from ocinb.network.connections import Answer
from ocinb.network.redaction import without
from ocinb.network.retry import retry_after, when_to_come_back

SERVER_FAULT = 500
WORDS_LENGTH = 300


class RangeError(TransportError):
    """A part was asked for that the other side does not have, or gave otherwise."""


class UnknownRepositoryError(NotFoundError):
    """The registry said that it is not the tag or digest that is missing, but the whole repository."""


def refusal(
    registry: str, answer: Answer, *, asked: str = "", secrets: Iterable[str] = (), is_its_own: bool = True
) -> OcinbError:
    """Make the error that fits an answer."""
    said = _registry_errors(answer.body)
    url, words = without(secrets, safe_url(answer.url)), _words(said, secrets)
    match answer.status:
        case 401 | 403:
            how = f"({answer.status}){words}"
            return _no_access(registry, how, asked, url) if is_its_own else _closed(registry, answer, how, url)
        case 404:
            unknown = any(code == "NAME_UNKNOWN" for code, _ in said)
            kind = UnknownRepositoryError if unknown else NotFoundError
            return kind(f"{registry} has no such thing{words}", url=url)
        case 416:
            return RangeError(f"{registry} does not have the part that was asked for", url=url)
        case 429:
            return _come_back(f"{registry} has had too many requests (429){words}", answer)
        case 503 if retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC)) is not None:
            return _come_back(f"{registry} has no time at the moment (503){words}", answer)
        case status:
            advice = "The fault is on its side; try again later" if status >= SERVER_FAULT else None
            return _with_status(TransportError(f"{registry} answered {status}{words}", url=url, hint=advice), answer)


def credentials_hint(registry: str) -> str:
    """Say how somebody gives the credentials that are missing."""
    given = f'ocinb.settings.credentials["{registry}"] = (user, secret) gives credentials for this session'
    return f"{given}; those of docker login and podman login are found"


def _no_access(registry: str, said: str, asked: str, url: str) -> AuthError:
    doubt = f"{asked}. Are they right, and may they read this?" if asked else "It may be private, or not be there."
    return AuthError(f"{registry} refused access {said}", url=url, hint=f"{doubt} {credentials_hint(registry)}")


def _closed(registry: str, answer: Answer, said: str, url: str) -> TransportError:
    what = f"{netloc_of(answer.url)} refused access {said}, where {registry} sent us"
    hint = "Such addresses are good for a while only; try again"
    return _with_status(TransportError(what, url=url, hint=hint), answer)


def _with_status(error: TransportError, answer: Answer) -> TransportError:
    error.status = answer.status
    return error


def _come_back(message: str, answer: Answer) -> RateLimitError:
    told = RateLimitError(message, url=safe_url(answer.url), hint="Wait a while and try again")
    now = datetime.now(UTC)
    seconds = retry_after(answer.headers.get("retry-after", ""), now)
    if seconds is not None:
        told.retry_at = now + timedelta(seconds=seconds)
        told.hint = when_to_come_back(seconds, told.retry_at)
    return told


def _registry_errors(body: bytes) -> list[tuple[str, str]]:
    """Find the codes and messages of a registry's errors, in the form of the specification, or none."""
    try:
        return [(str(error.get("code", "")), str(error.get("message", ""))) for error in json.loads(body)["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _words(errors: list[tuple[str, str]], secrets: Iterable[str]) -> str:
    words = without(secrets, "; ".join(f"{code} {message}".strip() for code, message in errors))
    return f": {words[:WORDS_LENGTH]}" if words else ""
