"""Failures: what it means that no answer came, or no whole one, as an error that says what to try."""

from __future__ import annotations

import http.client
import re
import socket
import ssl

import requests
import urllib3

from ocinb._settings import Settings
from ocinb.errors import TransportError
from ocinb.network.addresses import netloc_of, safe_url
from ocinb.network.proxies import HINT

# A host that takes a call does so within this time, or somebody drops the calls on the way.
CONNECT_SECONDS = 10.0

_NOISE = re.compile(
    # urllib3 puts "HTTPConnection(host='…', port=…): Failed to …: [Errno 111]" before what people can use.
    r"^.*(?:object at 0x\w+>|\bport=\d+\))[:,] |Failed to establish a new connection: |\[Errno -?\d+\] "
)
_REACH_HINT = "Is the name right, and can this machine reach it?"
_CALL_HINT = "Is the name right, and does a firewall stand between?"
# What nobody has to ask who has heard from there before.
FIRST_HINTS = frozenset({_REACH_HINT, _CALL_HINT})
_TRUST_HINT = (
    "ocinb.settings.ca_bundle names a file of authorities to trust; "
    "ocinb.settings.insecure_registries = ({host!r},) does without, if nobody listens in"
)


def connect_seconds(settings: Settings) -> float:
    """Say how long a host has to take a call."""
    return min(CONNECT_SECONDS, settings.timeout)


def failure(error: Exception, url: str, settings: Settings) -> TransportError:
    """Make the error that fits what a library raised."""
    host, root = netloc_of(url), root_of(error)
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL) or "SOCKS" in str(error):
        return _proxy_failure(error, root, url)
    if isinstance(error, ValueError):  # that is how requests calls a bad address, and it quotes the whole of it
        return TransportError(f"{host} is no address that can be asked", url=safe_url(url))
    if isinstance(error, requests.exceptions.SSLError):
        return _no_trust(host, root, url)
    if isinstance(error, requests.exceptions.Timeout) or isinstance(root, urllib3.exceptions.ReadTimeoutError):
        return _too_slow(host, error, url, settings)
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return _broken(f"the answer of {host} broke off: {reason_of(root)}", url)
    return _unreachable(host, root, url)


def broke(error: Exception, url: str) -> TransportError:
    """Make the error of a body that breaks off: what has come is of use."""
    told = _broken(f"the connection broke: {reason_of(root_of(error))}", url)
    told.resumable = True
    return told


def root_of(error: BaseException) -> BaseException:
    """Find the exception at the bottom of a chain of them."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = [part for part in (getattr(error, "reason", None), *error.args) if isinstance(part, BaseException)]
        if not inner:
            break
        error = inner[0]
    return error


def reason_of(root: BaseException) -> str:
    """Give the one sentence that an exception says, without objects and addresses in it.

    What came is not quoted, as some of these do: half a token is one too many.
    """
    if isinstance(root, urllib3.exceptions.IncompleteRead):
        return f"{root.partial:,} bytes came, and {root.expected:,} more were promised"
    if isinstance(root, http.client.IncompleteRead):
        return "a chunk of it is not as long as was said"
    if isinstance(root, http.client.BadStatusLine) and not isinstance(root, http.client.RemoteDisconnected):
        return "it does not begin with a status"
    text = (root.strerror if isinstance(root, OSError) else None) or str(root.args[-1] if root.args else root)
    return _NOISE.sub("", text) or type(root).__name__


def _proxy_failure(error: Exception, root: BaseException, url: str) -> TransportError:
    """Tell a proxy that is in the way; its own address may have a password in it, and is not quoted."""
    host = netloc_of(url)
    if isinstance(error, requests.exceptions.InvalidSchema):
        said = "a SOCKS proxy needs the package PySocks"
    else:
        said = "its address cannot be used" if isinstance(error, ValueError) else reason_of(root)
    told = TransportError(f"the proxy on the way to {host} lets nobody through: {said}", url=safe_url(url), hint=HINT)
    told.passing = told.unsent = isinstance(root, urllib3.exceptions.NewConnectionError | ConnectionError)
    return told


def _no_trust(host: str, root: BaseException, url: str) -> TransportError:
    told = TransportError(f"no secure connection to {host}: {reason_of(root)}", url=safe_url(url))
    told.unreachable = not isinstance(root, ssl.SSLCertVerificationError | ssl.CertificateError)
    told.unsent = True
    told.hint = (
        "Does it speak plain http? ocinb.settings.insecure_registries allows that" if told.unreachable else _TRUST_HINT
    ).format(host=host)
    return told


def _too_slow(host: str, error: Exception, url: str, settings: Settings) -> TransportError:
    hint = "ocinb.settings.timeout sets how long ocinb waits"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        seconds = connect_seconds(settings)
        told = TransportError(f"{host} took no call within {seconds:g} s", url=safe_url(url), hint=_CALL_HINT)
        told.unsent = True
        return told
    told = TransportError(f"{host} did not answer within {settings.timeout:g} s", url=safe_url(url), hint=hint)
    told.resumable = True  # a blob; a question is not asked again, since people wait for its answer
    return told


def _broken(message: str, url: str) -> TransportError:
    told = TransportError(message, url=safe_url(url))
    told.passing = True
    return told


def _unreachable(host: str, root: BaseException, url: str) -> TransportError:
    is_odd = isinstance(root, http.client.HTTPException) and not isinstance(root, http.client.RemoteDisconnected)
    what = f"the answer of {host} is no HTTP" if is_odd else f"{host} cannot be reached"
    told = TransportError(f"{what}: {reason_of(root)}", url=safe_url(url), hint=_REACH_HINT)
    told.unreachable = True
    told.unsent = isinstance(root, urllib3.exceptions.NewConnectionError)
    # A name that is not there will not be there in a second either; a resolver that is overworked may be.
    is_unknown = isinstance(root.__cause__, socket.gaierror) and root.__cause__.errno != socket.EAI_AGAIN
    told.passing = not is_odd and not is_unknown
    return told
