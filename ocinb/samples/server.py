"""The embedded registry: the samples behind a real socket, for notebooks without a network and for tests of faults."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.samples.catalog import sample_content
from ocinb.samples.faults import Fault
from ocinb.samples.handlers import answer_to, parse_route
from ocinb.samples.http import Answer, Delivery, Request
from ocinb.samples.images import Layer, Manifest, Step, make_image, moment
from ocinb.samples.registry_content import tag_referrers
from ocinb.samples.signed_images import add_signed
from ocinb.samples.tokens import TokenIssuer
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_MANIFEST

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_CHUNKS_PER_SECOND = 20


class SocketServer(ThreadingHTTPServer):
    """An HTTP server on loopback, with a port of its own and one thread for each connection."""

    daemon_threads = True
    # A fan-out opens many connections at once; with the default of 5 some of them wait for a second.
    request_queue_size = 128

    def __init__(self, deliver: Callable[[Request], Delivery]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.deliver = deliver
        self._closing = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, name="sample-registry", daemon=True)

    @property
    def is_closed(self) -> bool:
        """Whether it has been stopped."""
        return self._closing.is_set()

    def start(self) -> None:
        """Answer from now on."""
        self._acceptor.start()

    def stop(self) -> None:
        """End the acceptor, then every connection; unlike its parents, which leave those to their clients."""
        if self.is_closed:
            return
        self._closing.set()
        socket.create_connection(self.socket.getsockname()).close()  # it waits for a call, and looks up at none else
        self._acceptor.join()
        for thread, connection in list(self._connections.items()):
            # Its own thread may have closed it in this moment.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self.server_close()

    def _accept(self) -> None:
        while not self.is_closed:
            self.handle_request()

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - as socketserver calls it
        """Take no calls while closing, as the one that wakes who waits for calls."""
        return not self.is_closed

    def pause(self, seconds: float) -> bool:
        """Wait, but not beyond the end of the server; say whether it goes on."""
        return not self._closing.wait(max(seconds, 0))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, and remember both."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end, and forget it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Note that a connection broke; that the client went away is nothing to shout about."""
        gone = isinstance(sys.exception(), ConnectionError)
        logger.log(logging.DEBUG if gone else logging.ERROR, "connection with %s broke", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: SocketServer
    protocol_version = "HTTP/1.1"
    server_version = "ocinb-samples"
    sys_version = ""
    # With Nagle's algorithm a request on a kept-alive connection takes 44 ms instead of 0.8 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        request = Request(self.command, self.path, dict(self.headers.items()))
        delivery = self.server.deliver(request)
        if not self.server.pause(delivery.delay) or delivery.drop:
            self.close_connection = True
            return
        self._send_head(delivery.answer)
        if self.command != "HEAD" and not delivery.answer.is_bodiless:
            self._send_body(delivery)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server looks for these names

    def _send_head(self, answer: Answer) -> None:
        headers = answer.all_headers()
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        is_endless = not answer.is_bodiless and "content-length" not in {name.lower() for name in headers}
        # The body of a refused upload is never read, so the next request could not be told from it.
        if is_endless or self.command not in {"GET", "HEAD"}:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, delivery: Delivery) -> None:
        body = memoryview(delivery.answer.body)[: delivery.cut]
        if delivery.bandwidth is None:
            self.wfile.write(body)
        else:
            self._trickle(body, delivery.bandwidth)
        if delivery.cut is not None:
            self.close_connection = True

    def _trickle(self, body: memoryview, bandwidth: float) -> None:
        size = max(1, min(_CHUNK, int(bandwidth / _CHUNKS_PER_SECOND)))
        due = time.monotonic()
        for start in range(0, len(body), size):
            self.wfile.write(chunk := body[start : start + size])
            now = time.monotonic()
            due = max(due + len(chunk) / bandwidth, now)  # a line that was held up makes up for nothing
            if not self.server.pause(due - now):
                self.close_connection = True
                return

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's signature
        logger.debug(format, *arguments)


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
