"""The extension: what `%load_ext ocinb` puts into a notebook, and `%unload_ext ocinb` takes out again."""

from __future__ import annotations

from typing import Any

from IPython.core import completer
from IPython.core.interactiveshell import InteractiveShell

from ocinb.notebook.show.show import show_as_before, show_ours
from ocinb.notebook.sql_magic.magic import NAME, OciSql

_KINDS = ("line", "cell")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Put `%%ocisql` into a shell, and show our frames by `ocinb.show`; once, however often it is called."""
    unload_ipython_extension(shell)
    magic = OciSql(shell)
    for kind in _KINDS:
        magic.replaced[kind] = _magics(shell, kind).get(NAME)
    shell.magics_manager.register_function(magic.ocisql, "line_cell", NAME)
    show_ours(shell)
    if hasattr(completer, "context_matcher"):  # since IPython 8.6; Colab has an older one, and completes no names
        from ocinb.notebook.sql_magic.completion import Matcher

        shell.Completer.custom_matchers.append(Matcher(shell, magic).match)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take out what was put in, and nothing that somebody put there since; what was there before is there again."""
    for kind in _KINDS:
        known = _magics(shell, kind)
        if _is_ours(known.get(NAME)):
            replaced = known.pop(NAME).__self__.replaced[kind]
            known |= {NAME: replaced} if replaced else {}
    show_as_before(shell)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if not _is_ours(one)]


def _magics(shell: InteractiveShell, kind: str) -> dict[str, Any]:
    known: dict[str, Any] = shell.magics_manager.magics[kind]
    return known


def _is_ours(method: object) -> bool:
    return type(getattr(method, "__self__", None)).__module__.startswith("ocinb.notebook.sql_magic.")
