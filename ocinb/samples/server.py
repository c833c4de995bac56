"""The embedded registry: the samples behind a real socket, for notebooks without a network and for tests of faults."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.samples.answers import answer_to, parse_route
from ocinb.samples.catalogue import sample_content
from ocinb.samples.exchange import Answer, Delivery, Request
from ocinb.samples.faults import Fault
from ocinb.samples.images import Layer, Manifest, Step, make_image, moment
from ocinb.samples.referrers import tag_referrers
from ocinb.samples.signed import add_signed
from ocinb.samples.sockets import SocketServer
from ocinb.samples.tokens import TokenIssuer
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_MANIFEST

_TOKEN_PATH = "/token"  # noqa: S105 - a path, no secret
_PUT_AT = datetime(2025, 1, 1, tzinfo=UTC)


class SampleRegistry:
    """A registry on loopback that holds the samples, or what a test puts into it.

    It runs from the moment it is made until :meth:`close`, or until the end of a ``with`` block. Made by
    :func:`ocinb.samples.registry`, which describes the parameters.
    """

    def __init__(
        self,
        *,
        token: bool = False,
        credentials: tuple[str, str] | None = None,
        bandwidth: float | None = None,
        page_size: int | None = None,
        referrers_api: bool = True,
        signed: bool = False,
    ) -> None:
        for name, limit in (("bandwidth", bandwidth), ("page_size", page_size)):
            if limit is not None and limit <= 0:
                raise InvalidError(f"{name} has to be positive, not {limit!r}")
        self._bandwidth = bandwidth
        self._page_size = page_size
        self._referrers_api = referrers_api
        self._content = sample_content().copy()
        if signed:
            add_signed(self._content)
        if not referrers_api:
            tag_referrers(self._content)
        self._faults: list[Fault] = []
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = SocketServer(self._deliver)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._tokens = TokenIssuer(f"http://{self.host}{_TOKEN_PATH}", credentials) if token or credentials else None
        self._server.start()

    def __repr__(self) -> str:
        state = "closed" if self._server.is_closed else f"{len(self._content.names)} repositories"
        return f"<SampleRegistry {self.host}, {state}, {len(self._requests)} requests>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections and threads; a second time does nothing."""
        self._server.stop()

    def reference(self, name: str) -> str:
        """Give the full name of something in this registry.

        >>> with SampleRegistry() as local:
        ...     local.reference("demo/shop:2.0") == f"{local.host}/demo/shop:2.0"
        True
        """
        return f"{self.host}/{name}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far, in the order in which they were answered."""
        with self._lock:
            return tuple(self._requests)

    def fault(  # noqa: PLR0913 - one for each thing that can go wrong
        self,
        path_pattern: str,
        *,
        method: str = "GET",
        times: int | None = 1,
        status: int | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: bytes | str | None = None,
        cut: int | None = None,
        corrupt: int | None = None,
        ignore_range: bool = False,
        wrong_range: bool = False,
        drop: bool = False,
        delay: float = 0.0,
    ) -> Fault:
        """Let the next requests for some path go wrong; of several faults that fit, the first one strikes.

        The parameters are those of :class:`ocinb.samples.faults.Fault`.

        Returns
        -------
        Fault
            Its ``hits`` say how often it has struck; ``cancel()`` ends it.

        Raises
        ------
        InvalidError
            If an argument makes no sense, or the fault would do nothing.

        Examples
        --------
        >>> with SampleRegistry() as local:
        ...     fault = local.fault("*/manifests/2.0", status=429, headers={"Retry-After": "1"}, times=2)
        ...     fault.hits
        0
        """
        fault = Fault(
            path_pattern,
            method=method,
            times=times,
            status=status,
            headers=headers,
            body=body,
            cut=cut,
            corrupt=corrupt,
            ignore_range=ignore_range,
            wrong_range=wrong_range,
            drop=drop,
            delay=delay,
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def put_blob(self, raw: bytes, *, algorithm: str = "sha256") -> Digest:
        """Take in a blob, for all repositories."""
        digest = Digest.of(raw, algorithm)
        with self._lock:
            self._content.blobs[digest] = raw
        return digest

    def put_manifest(
        self,
        repository: str,
        raw: bytes,
        *,
        media_type: str = OCI_MANIFEST,
        tag: str | None = None,
        algorithm: str = "sha256",
    ) -> Digest:
        """Take in a manifest, whatever it is: nothing is checked, and what it names need not be there."""
        digest = Digest.of(raw, algorithm)
        with self._lock:
            self._content.put_manifest(repository, Manifest(raw, media_type), digest)
            if tag is not None:
                self._content.tag(repository, tag, digest)
        return digest

    def put_image(
        self,
        repository: str,
        layers: Sequence[Layer],
        *,
        tag: str | None = None,
        platform: str = "linux/amd64",
        settings: Mapping[str, Any] | None = None,
    ) -> Digest:
        """Take in an image of some layers, with one line of history for each.

        Parameters
        ----------
        repository
            Where it goes.
        layers
            From the base up, as :func:`ocinb.samples.images.make_layer` makes them.
        tag
            What it is called.
        platform
            Such as ``"linux/arm64/v8"``.
        settings
            The ``config`` object of its config.

        Returns
        -------
        Digest
            Of the manifest.
        """
        steps = [
            Step(f"COPY layer-{number} / # buildkit", moment(_PUT_AT, number), layer)
            for number, layer in enumerate(layers)
        ]
        image = make_image(platform, steps, settings=settings)
        with self._lock:
            self._content.add(repository, image.manifest, *([] if tag is None else [tag]))
        return image.manifest.digest

    def tag(self, repository: str, tag: str, digest: str) -> None:
        """Set or move a tag.

        Raises
        ------
        NotFoundError
            If the repository has no manifest with this digest.
        """
        with self._lock:
            self._content.tag(repository, tag, digest)

    def untag(self, repository: str, tag: str) -> None:
        """Remove a tag; the manifest stays.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        """
        with self._lock:
            self._content.untag(repository, tag)

    def revoke_tokens(self) -> None:
        """Make all tokens invalid that were given so far, as if they had expired."""
        if self._tokens:
            self._tokens.revoke()

    def _deliver(self, request: Request) -> Delivery:
        with self._lock:
            delivery = self._delivery(request)
            status = None if delivery.drop else delivery.answer.status
            self._requests.append(replace(request, status=status))
        return delivery

    def _delivery(self, request: Request) -> Delivery:
        bandwidth = self._bandwidth if parse_route(request.resource).kind == "blobs" else None
        for fault in self._faults:
            if fault.is_for(request):
                bent = fault.strike(self._answer(fault.heard(request)))
                if bent:
                    return Delivery(bent, fault.delay, fault.cut, fault.drop, bandwidth)
        return Delivery(self._answer(request), bandwidth=bandwidth)

    def _answer(self, request: Request) -> Answer:
        if self._tokens:
            if request.resource == _TOKEN_PATH:
                return self._tokens.token_answer(request)
            refusal = self._tokens.refusal(request, parse_route(request.resource).scope)
            if refusal:
                return refusal
        return answer_to(request, self._content, page_size=self._page_size, referrers_api=self._referrers_api)


@suggesting
def registry(
    *,
    token: bool = False,
    credentials: tuple[str, str] | None = None,
    bandwidth: float | None = None,
    page_size: int | None = None,
    referrers_api: bool = True,
    signed: bool = False,
) -> SampleRegistry:
    """Start a registry on this machine that holds the sample images.

    It is read-only, listens on 127.0.0.1 with a port of its own, and runs at once: use it in a ``with`` block, or end
    it by ``close()``. It speaks the pull side of the OCI distribution-spec 1.1, with ranges, paging and the referrers
    API.

    Parameters
    ----------
    token
        Whether it wants bearer tokens, as Docker Hub does; its token endpoint gives them to anybody.
    credentials
        User and secret that the token endpoint wants; implies ``token``.
    bandwidth
        Bytes per second with which each blob is sent, so that progress can be watched; None for full speed.
    page_size
        Most entries on one page of a list (tags, referrers, the catalogue), so that paging can be seen; None for no
        limit.
    referrers_api
        Whether it lists what refers to an image. Many registries do not; this one has indexes for it then, under the
        tags that the specification has for such registries.
    signed
        Whether it has `demo/signed` too: releases with signatures, SBOMs and attestations, some of which are wrong.

    Returns
    -------
    SampleRegistry
        With ``host``, ``reference(name)``, ``requests``, ``fault(…)``, ``put_…(…)`` and ``close()``.

    Raises
    ------
    InvalidError
        If ``bandwidth`` or ``page_size`` is not positive.

    Examples
    --------
    >>> from http.client import HTTPConnection
    >>> from contextlib import closing
    >>> with registry() as local, closing(HTTPConnection(local.host)) as connection:
    ...     connection.request("GET", "/v2/demo/base/tags/list")
    ...     print(connection.getresponse().read().decode())
    ...     print(local.requests)
    {"name": "demo/base", "tags": ["12"]}
    (Request(method='GET', path='/v2/demo/base/tags/list', status=200),)
    """
    return SampleRegistry(
        token=token,
        credentials=credentials,
        bandwidth=bandwidth,
        page_size=page_size,
        referrers_api=referrers_api,
        signed=signed,
    )
