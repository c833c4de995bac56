"""Lists: what a registry has, its repositories and the tags in them, over all pages.

Sources: OCI distribution-spec v1.1, "Listing Tags"; the ``_catalog`` endpoint that it keeps for registries of old.
"""

from __future__ import annotations

from itertools import islice

from ocinb.errors import NotFoundError
from ocinb.network.connections import Answer, reading
from ocinb.network.session import OfflineError
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.sources.endpoint import Endpoint
from ocinb.spec.strict_json import Fields, parse_object

CATALOG_SCOPE = "registry:catalog:*"


def list_repositories(endpoint: Endpoint) -> list[str]:
    """List the repositories of a registry, as far as it tells them.

    Raises
    ------
    NotFoundError
        If it has no catalogue.
    """
    try:
        return _all_names(endpoint, "/v2/_catalog?n=1000", CATALOG_SCOPE, "repositories")
    except NotFoundError as error:
        hint = "Many public registries tell nobody what they have; name a repository instead"
        raise NotFoundError(f"{endpoint.registry} has no catalogue", url=error.url, hint=hint) from None


def list_tags(endpoint: Endpoint, repository: str, scope: str) -> list[str]:
    """List the tags of a repository, in the order of the registry.

    Raises
    ------
    NotFoundError
        If there is no such repository.
    """
    path = f"/v2/{repository}/tags/list"
    try:
        try:
            return _all_names(endpoint, f"{path}?n=1000", scope, "tags")
        except UnknownRepositoryError:
            raise
        except (NotFoundError, OfflineError):
            return _all_names(endpoint, path, scope, "tags")  # zuul-registry knows the list only without a length
    except NotFoundError as error:
        hint = f"ocinb.repositories({endpoint.registry!r}) lists what there is, if the registry tells"
        where = f"there is no repository {endpoint.registry}/{repository}"
        raise NotFoundError(where, url=error.url, hint=hint) from None


def list_tags_within(endpoint: Endpoint, repository: str, scope: str, pages: int) -> list[str] | None:
    """List the tags of a repository by so many questions at most, with the arguments of `list_tags`.

    Raises
    ------
    OcinbError
        If the registry does not list them.
    """
    names: list[str] = []
    for page in islice(endpoint.pages(f"/v2/{repository}/tags/list?n=1000", scope), pages):
        names += _names(page, "tags")
        if "link" not in page.headers:
            return names
    return None


def _all_names(endpoint: Endpoint, path: str, scope: str, key: str) -> list[str]:
    pages = endpoint.pages(path, scope)
    return list(dict.fromkeys(name for page in pages for name in _names(page, key)))


def _names(page: Answer, key: str) -> list[str]:
    with reading(page):
        return Fields(parse_object(page.body, "the list"), "the list").texts(key) or []
