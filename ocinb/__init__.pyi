from ocinb import errors as errors
from ocinb import samples as samples
from ocinb._settings import settings as settings
from ocinb.catalog.catalog import Catalog
from ocinb.frames.contents import efficiency, files, filesystem, hidden
from ocinb.frames.documents import document as document
from ocinb.frames.images import configs as configs
from ocinb.frames.images import history as history
from ocinb.frames.images import layers as layers
from ocinb.frames.images import manifests as manifests
from ocinb.frames.listings import rate_limit, repositories, tags
from ocinb.frames.local_store import store
from ocinb.frames.pulling import pull
from ocinb.frames.read_file import read
from ocinb.frames.relations import referrers, shared
from ocinb.notebook import plot as plot
from ocinb.notebook.explain.explain import explain
from ocinb.notebook.explore.explorer import explore
from ocinb.notebook.show.show import show
from ocinb.notebook.trace.trace import trace
from ocinb.progress.protocol import Progress as Progress
from ocinb.spec.reference import Reference as Reference

__version__: str
__all__ = [
    "Catalog",
    "Progress",
    "Reference",
    "configs",
    "document",
    "efficiency",
    "errors",
    "explain",
    "explore",
    "files",
    "filesystem",
    "hidden",
    "history",
    "layers",
    "manifests",
    "plot",
    "pull",
    "rate_limit",
    "read",
    "referrers",
    "repositories",
    "samples",
    "settings",
    "shared",
    "show",
    "store",
    "tags",
    "trace",
]
