"""A map of latent codes by principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgae_core.errors import DataError


@dataclass(frozen=True, eq=False)
class Map:
    """Coordinates of nodes in two or three dimensions.

    Parameters
    ----------
    coordinates : ndarray of float32, shape (n_points, dim)
    explained : ndarray of float64, shape (dim,)
        Share of the variance of z_mean along each axis, 0 to 1; empty where the method has none.
    centre, axes : ndarray of float64, shapes (latent_dim,) and (dim, latent_dim), or None
        Of a linear map: the code at the origin, and the direction of each axis.
    """

    coordinates: np.ndarray
    explained: np.ndarray
    centre: np.ndarray | None = None
    axes: np.ndarray | None = None

    def place(self, z: np.ndarray) -> np.ndarray:
        """Return where codes lie on this map, which must be linear; float64 (len(z), dim)."""
        if self.centre is None or self.axes is None:
            raise ValueError("Only a linear map can place other codes.")
        return np.asarray((z.astype(np.float64) - self.centre) @ self.axes.T)


def pca(z: np.ndarray, dim: int) -> Map:
    """Return the projection of `z` on its first `dim` principal components.

    The sign of each axis is fixed (the largest loading is positive), so that the same codes
    give the same map.  Axes beyond the latent size are zero.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    dim : int
        2 or 3.

    Returns
    -------
    Map
        Coordinates, shape (n_nodes, dim), and the share of variance of each axis.

    Raises
    ------
    DataError
        If there are fewer than two nodes.
    """
    n, latent_dim = z.shape
    if n < 2:
        raise DataError(f"A map needs at least 2 nodes. Received: {n}.")
    keep = min(dim, latent_dim, n)
    coordinates = np.zeros((n, dim), dtype=np.float32)
    explained, axes = np.zeros(dim), np.zeros((dim, latent_dim))
    spread = z.astype(np.float64).var(axis=0).sum()
    if spread > 0:  # all codes equal: the posterior collapsed, and every node sits at the origin
        from sklearn.decomposition import PCA  # a second, which answers need not wait for

        model = PCA(n_components=keep, svd_solver="covariance_eigh" if n >= latent_dim else "full")
        coordinates[:, :keep] = model.fit_transform(z.astype(np.float64))
        explained[:keep], axes[:keep] = model.explained_variance_ratio_, model.components_
    return Map(coordinates, explained, z.mean(axis=0, dtype=np.float64), axes)
