"""Captures and edits of a model's sites, whatever the model reads: the hooks that are open, and passes that end early.

B rows of a batch, P positions, D width of a site.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from models.language_model.captured_sites import CapturedSites, Stopped
from models.language_model.hooks import HookFunction
from models.language_model.site_edit import Edit, site_edit
from models.language_model.sites import Site


@dataclass(eq=False, repr=False)
class HookedSites(ABC):
    """A model whose sites can be read and edited. One pass at a time: hooks belong to the model, not to a call."""

    _readings: list[CapturedSites] = field(default_factory=list, init=False)
    _running: bool = field(default=False, init=False)

    @abstractmethod
    def _see(self, hooks: ExitStack, site: Site, see: HookFunction, *, first: bool = False) -> None:
        """Shows a site's value to `see` in every pass, in the place of which stands what it returns, until `hooks` is
        closed; a ValueError where the model has no such site."""

    @contextmanager
    def capture(
        self, sites: Iterable[Site], stop_early: bool = True, detach: bool = True
    ) -> Iterator[Mapping[Site, Tensor]]:
        """Keeps the values of sites in the passes within the block, each as (B, P, D) in the model's dtype.

        The mapping holds the latest pass, under the sites as they were asked for, and stays filled after the block.
        Where a site is also edited, the edited value is kept, whichever of the two began first. Nothing is copied,
        unless a gradient is wanted.

        Args:
            sites: Where; a ValueError before any pass where the model has no such site.
            stop_early: Whether `forward` ends as soon as every site of every open capture has been reached: later
                blocks then cost nothing, and there are no logits. `generate` is not stopped.
            detach: False keeps the graph, and begins one at the first of the sites: a copy of the value goes on in its
                place, so the gradient of what is computed from the logits is
                `torch.autograd.grad(metric, list(found.values()))`.
        """
        reading = CapturedSites(tuple(dict.fromkeys(sites)), stop_early, detach)
        with ExitStack() as hooks:
            for site in reading.sites:
                self._see(hooks, site, self._capture_hook(reading, site))
            self._readings.append(reading)
            hooks.callback(self._readings.remove, reading)
            yield reading.found

    def _capture_hook(self, reading: CapturedSites, site: Site) -> HookFunction:
        def keep(x_BPD: Tensor) -> Tensor | None:
            new = reading.keep(site, x_BPD)
            if self._running and all(each.content for each in self._readings):
                raise Stopped
            return new

        return keep

    @contextmanager
    def _edited(self, edits: Mapping[Site, Edit], chosen: Callable[[int], Tensor | None]) -> Iterator[None]:
        """The passes within the block have the edits' values at the positions, of so many, that are chosen."""
        with ExitStack() as hooks:
            for site, edit in edits.items():
                self._see(hooks, site, site_edit(site, edit, chosen), first=True)
            yield

    def _logits(self, run: Callable[[], Any]) -> Tensor | None:
        """The logits of one pass; None where there are none, or where every open capture had what it wanted before."""
        for reading in self._readings:
            reading.found.clear()
        self._running = True
        try:
            return getattr(run(), "logits", None)
        except Stopped:
            return None
        finally:
            self._running = False
