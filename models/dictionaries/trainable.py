"""What a training run asks of that which it trains: one dictionary, or several that learn together.

Axes: T tokens, D all that is read, E all that is written, F features of all dictionaries.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from torch import Tensor, nn

from models.dictionaries.loss_terms import LossTerms, StepContext
from models.dictionaries.normalization import Normalization
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup


class TrainableModule(nn.Module, ABC):
    """Weights, a loss, and what becomes of them before and after a step."""

    n_features: int
    """Of all dictionaries."""

    @property
    @abstractmethod
    def n_sites_read(self) -> int: ...

    @property
    @abstractmethod
    def widths_written(self) -> tuple[int, ...]:
        """Of the site that each dictionary writes: as many as learn together, with equal numbers of features."""

    @property
    @abstractmethod
    def width_of_rows(self) -> int:
        """Of a row of weights, by which its learning rate is chosen."""

    @property
    @abstractmethod
    def mean_density(self) -> float:
        """Share of the tokens on which a feature fires on average, where the L0 is reached that training aims at."""

    @property
    @abstractmethod
    def by_rows(self) -> tuple[str, ...]:
        """Parameters with a row for each feature."""

    @abstractmethod
    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        """Data-dependent initialisation from the first batch."""

    @abstractmethod
    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        """What a batch costs.

        Args:
            x_TD: Activations that are read, site beside site.
            y_TE: Activations that are to be written: `x_TD` itself for an autoencoder.
            context: Where in the run the batch stands, and which processes share it.
        """

    @abstractmethod
    def before_step(self) -> None:
        """Runs when gradients are known."""

    @abstractmethod
    def after_step(self, terms: LossTerms, context: StepContext) -> None:
        """Runs when the weights have moved: puts them back where they must lie."""

    @abstractmethod
    def with_rows(self, of: Callable[[Tensor], Tensor]) -> Self:
        """The same of other features: `of` turns a tensor with a row for each feature of a dictionary into that of the
        others."""

    @abstractmethod
    def folded(self, *scalings: Normalization) -> Self:
        """The same for raw activations, once the scaling of every site is known."""
