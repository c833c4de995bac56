"""Logs: what urllib3 writes of our exchanges, without what a signed address or a user in it would give away."""

from __future__ import annotations

import logging

from ocinb.network.addresses import safe_url
from ocinb.network.terms import terms

_LOGGER = logging.getLogger("urllib3.connectionpool")


class _Masking(logging.Filter):
    """Leaves alone what others log of exchanges of their own."""

    def filter(self, record: logging.LogRecord) -> bool:
        if terms.get(None) is not None and isinstance(record.args, tuple):
            record.args = tuple(_masked(part) for part in record.args)
        return True


_masking = _Masking()


def mask_logs() -> None:
    """See to it that no secret gets into a log, also where somebody logs all that there is."""
    _LOGGER.addFilter(_masking)  # which does nothing the second time


def _masked(part: object) -> object:
    return safe_url(part) if isinstance(part, str) and "?" in part else part
