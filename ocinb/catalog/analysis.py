"""Questions that are more than a line of SQL: what moved, what a removal would free, what a pull would cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from ocinb._arguments import suggesting
from ocinb._schemas import NUMBER, TEXT, Column, Schema
from ocinb.catalog import schemas
from ocinb.catalog.connection import Connections, script
from ocinb.catalog.observations import look_at, note
from ocinb.catalog.references import CatalogNames, Offers
from ocinb.frames.batch import Names, list_names
from ocinb.frames.resolve import Platforms, wanted_platforms
from ocinb.sources.images import Wanted
from ocinb.sources.session import default_session
from ocinb.spec.platforms import Platform

if TYPE_CHECKING:
    import pandas as pd


_NODE, _DIGEST = Column("node", TEXT, "the node's platform"), Column("manifest_digest", TEXT, "an image")
_ASKED = Schema("asked_images", "image that is pulled", (Column("place", NUMBER, "its row"), _NODE, _DIGEST))
_HELD = Schema("held_images", "image that a node has", (_NODE, _DIGEST))


def pull_cost(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], cached: Sequence[str], wanted: Wanted, default: str
) -> pd.DataFrame:
    """Reckon what a node has to fetch for each image."""
    found, candidates = CatalogNames(connection), Offers(connection, default)
    pulled = [(one.name, *chosen) for one in found.find(names) for chosen in candidates.chosen(one, wanted)]
    held = found.find(cached)
    asked = [
        {"place": place, "node": _called(node), "manifest_digest": candidate.digest}
        for place, (_, node, candidate) in enumerate(pulled)
    ]
    # Each node has of those images the ones for its own platform.
    taken = [
        {"node": called, "manifest_digest": candidate.digest}
        for called, node in {_called(node): node for _, node, _ in pulled}.items()
        for one in held
        if (candidate := candidates.taken(one, node)) is not None
    ]
    connection.register("asked_images", _ASKED.frame(asked))
    connection.register("held_images", _HELD.frame(taken))
    costs = connection.execute(script("queries/pull_cost.sql")).fetchall()
    return schemas.PULL_COST.frame(
        {
            "reference": name,
            "platform": str(candidate.platform) if candidate.platform else None,
            "compressed_bytes": compressed_bytes,
            "cached_bytes": cached_bytes,
            "fetched_bytes": fetched_bytes,
        }
        for (name, _, candidate), (_, compressed_bytes, cached_bytes, fetched_bytes) in zip(pulled, costs, strict=True)
    )


def _called(node: Platform | None) -> str:
    return str(node) if node else ""


_REMOVED = Schema("removed", "name", tuple(Column(name, TEXT, "") for name in "registry repository tag digest".split()))


def freed_layers(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> pd.DataFrame:
    """Find the layers that nothing would need any more, the largest first."""
    removed = _REMOVED.frame(
        {
            "registry": one.registry,
            "repository": one.repository,
            "tag": one.tag,
            "digest": one.digest if one.tag is None else None,  # a tag goes alone: other names may lead there
        }
        for one in CatalogNames(connection).find(names)
    )
    connection.register("asked_removed", removed)
    rows = connection.execute(script("queries/freed.sql")).fetchall()
    return schemas.FREED.frame({"layer_digest": digest, "freed_bytes": size} for digest, size in rows)


class Questions:
    """What a catalogue answers beside SQL."""

    _connections: Connections

    @suggesting
    def observe(self, references: Names) -> pd.DataFrame:
        """Record what tags point at now: one HEAD for each, whatever ``settings.tag_ttl`` is.

        What they point at is not added: `add` does that.

        Parameters
        ----------
        references
            A tag, or thousands; a repository without a tag means its ``latest``. A file may be named too.

        Returns
        -------
        DataFrame
            One row per tag: reference, digest, previous_digest, moved. A tag that was observed before and is gone has
            no digest now. What fails has no row, but stands in ``frame.attrs["failures"]`` and in the table
            ``failures``, with the stage ``observe``; so does a tag that is not there and was never observed, which may
            be mistyped.

        Raises
        ------
        TransportError
            If the file cannot be written, or another process holds it for longer than a minute.

        Notes
        -----
        All of it is written at the end in one transaction. ``tag_history`` has what moved when.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        ...     added = catalog.add(registry.reference("demo/shop:1.0"))
        ...     seen = catalog.observe([registry.reference("demo/shop:1.0"), registry.reference("demo/hello")])
        >>> seen["moved"].tolist()
        [False, <NA>]
        """
        session = default_session()
        results = look_at(list_names(references), session)
        with self._connections.write() as connection:
            return note(connection, results)

    @suggesting
    def what_if(self, remove: Names) -> pd.DataFrame:
        """Reckon what a registry would get back if some tags or digests went, by layer.

        Parameters
        ----------
        remove
            Tags and digests, ``"host/app:1.0"`` or ``"host/app@sha256:…"``, each as it stands in the catalogue now. A
            tag goes alone: what another name leads to stays. A digest goes from its repository with all names that
            point at it, and the images in an index go with it unless another name leads to them. An index that stays
            may name what went.

        Returns
        -------
        DataFrame
            One row per layer that would go, the largest first: layer_digest, freed_bytes. A layer goes from a registry
            (or a file) if no image needs it that a name there still leads to, in any repository; it counts once for
            each registry that it goes from. Layers only: manifests and configs are not in the sum.

        Raises
        ------
        InvalidError
            If one is no name.
        NotFoundError
            If one stands for nothing in the catalogue now; the hint says what may have been meant.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Notes
        -----
        Exact for what the catalogue knows: an image of the registry that was never added needs nothing here.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        ...     added = catalog.add([registry.reference("demo/shop:1.0"), registry.reference("demo/shop:2.0")])
        ...     alone = catalog.what_if(remove=registry.reference("demo/shop:2.0"))
        ...     sized = catalog.sql("SELECT reclaimable_bytes FROM tag_sizes WHERE tag = '2.0'")
        >>> bool(alone["freed_bytes"].sum() == sized["reclaimable_bytes"][0])
        True
        """
        names = list_names(remove)
        return self._connections.ask(lambda connection: freed_layers(connection, names), what="nothing can be reckoned")

    @suggesting
    def pull_cost(self, references: Names, *, cached: Names = (), platform: Platforms = None) -> pd.DataFrame:
        """Reckon what a node must fetch that already has some images.

        Parameters
        ----------
        references
            The images, as they stand in the catalogue now.
        cached
            The images that the node has, in the same catalogue. Of an index it has the image for its own platform,
            nothing if there is none.
        platform
            As for `layers`. With several, or ``"all"``, each row is about a node of that row's platform.

        Returns
        -------
        DataFrame
            One row per image: reference, platform, compressed_bytes (its layers, each once), cached_bytes (those of
            them that the node has), fetched_bytes (the rest). **Not cumulative**: each row is reckoned as if it alone
            were pulled, so that the order is of no account; what two of them share is in both. Layers only: manifests
            and configs are not in the sums.

        Raises
        ------
        InvalidError
            If one is no name, or `platform` is none.
        NotFoundError
            If one stands for nothing in the catalogue now, has no image for a platform, or one that was not added.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        ...     old, new = (registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0"))
        ...     added = catalog.add([old, new])
        ...     cost = catalog.pull_cost([old, new], cached=old, platform="linux/amd64")
        >>> cost["fetched_bytes"].tolist()[0], bool((cost["cached_bytes"] > 0).all())
        (0, True)
        """
        names, held, wanted = list_names(references), list_names(cached), wanted_platforms(platform)
        default = default_session().settings.platform
        return self._connections.ask(
            lambda connection: pull_cost(connection, names, held, wanted, default), what="nothing can be reckoned"
        )
