from ocinb import errors as errors
from ocinb import samples as samples
from ocinb._settings import settings as settings
from ocinb.catalog.catalog import Catalog as Catalog
from ocinb.frames.comparison import shared as shared
from ocinb.frames.contents import efficiency as efficiency
from ocinb.frames.contents import files as files
from ocinb.frames.contents import filesystem as filesystem
from ocinb.frames.contents import hidden as hidden
from ocinb.frames.documents import document as document
from ocinb.frames.downloads import pull as pull
from ocinb.frames.extract import read as read
from ocinb.frames.images import configs as configs
from ocinb.frames.images import history as history
from ocinb.frames.images import layers as layers
from ocinb.frames.images import manifests as manifests
from ocinb.frames.limits import rate_limit as rate_limit
from ocinb.frames.local import store as store
from ocinb.frames.names import repositories as repositories
from ocinb.frames.names import tags as tags
from ocinb.frames.referrers import referrers as referrers
from ocinb.notebook import plot as plot
from ocinb.notebook.explaining.explain import explain as explain
from ocinb.notebook.exploring.explorer import explore as explore
from ocinb.notebook.showing.show import show as show
from ocinb.notebook.tracing.trace import trace as trace
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
