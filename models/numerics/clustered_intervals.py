"""How much less many things said tell where they come in clusters: windows of one document are alike.

Axes: L labels, N things said of all of them one after another, label by label; C clusters of all labels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which things said of a label belong together."""

    label_N: np.ndarray
    """Ascending, from 0."""
    name_N: np.ndarray
    """Whole numbers from 0: of one label, equal where two things are of the same cluster."""
    n_labels: int

    def where(self, which_N: np.ndarray) -> "Clusters":
        return Clusters(self.label_N[which_N], self.name_N[which_N], self.n_labels)

    @cached_property
    def _label_and_cluster(self) -> tuple[np.ndarray, np.ndarray]:
        """The label of each cluster, and the cluster of each thing."""
        width = int(self.name_N.max(initial=0)) + 1
        key_C, cluster_N = np.unique(self.label_N.astype(np.int64) * width + self.name_N, return_inverse=True)
        return key_C // width, cluster_N

    @property
    def label_C(self) -> np.ndarray:
        return self._label_and_cluster[0]

    @property
    def cluster_N(self) -> np.ndarray:
        return self._label_and_cluster[1]

    @cached_property
    def size_C(self) -> np.ndarray:
        return np.bincount(self.cluster_N, minlength=len(self.label_C))

    @cached_property
    def n_L(self) -> np.ndarray:
        return np.bincount(self.label_N, minlength=self.n_labels)

    @cached_property
    def n_clusters_L(self) -> np.ndarray:
        return np.bincount(self.label_C, minlength=self.n_labels)

    def sums(self, value_N: np.ndarray) -> np.ndarray:
        """Of each cluster."""
        return np.bincount(self.cluster_N, value_N, minlength=len(self.label_C))

    def correlation(self, value_N: np.ndarray) -> float:
        """How alike two values of one cluster are, from 0 to 1, over all labels: the intraclass correlation of the
        analysis of variance, whose squares between and within clusters are summed over labels. A single label has too
        few clusters to tell.

        Source: Donner 1986, "A review of inference procedures for the intraclass correlation coefficient in the one-way
        random effects model", International Statistical Review 54.
        """
        n_between = int((self.n_clusters_L - 1)[self.n_clusters_L > 0].sum())
        n_within = len(self.label_N) - len(self.label_C)
        if not n_between or not n_within:
            return 0.0
        value_N = value_N.astype(np.float64)
        mean_L = np.bincount(self.label_N, value_N, minlength=self.n_labels) / np.maximum(self.n_L, 1)
        mean_C = self.sums(value_N) / self.size_C
        between = (self.size_C * (mean_C - mean_L[self.label_C]) ** 2).sum() / n_between
        within = ((value_N - mean_C[self.cluster_N]) ** 2).sum() / n_within
        usual = (self.n_L.sum() - (self._squares_L / np.maximum(self.n_L, 1)).sum()) / n_between
        spread = between + (usual - 1) * within
        return float(np.clip((between - within) / spread, 0, 1)) if spread > 0 else 0.0

    @cached_property
    def _squares_L(self) -> np.ndarray:
        return np.bincount(self.label_C, self.size_C.astype(np.float64) ** 2, minlength=self.n_labels)

    def effective_number(self, value_N: np.ndarray) -> np.ndarray:
        """How many independent values tell as much of each label's mean as its own do: n / (1 + (m - 1) r), with r
        their `correlation` and m the mean size of the cluster that a value is in.

        Source: Kish 1965, "Survey Sampling", chapter 5; Rao and Scott 1992, "A simple method for the analysis of
        clustered binary data", Biometrics 48.
        """
        usual_L = self._squares_L / np.maximum(self.n_L, 1)
        return self.n_L / (1 + np.maximum(usual_L - 1, 0) * self.correlation(value_N))
