"""An experiment ready to be asked: its method, what the method is given, and what is measured piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.experiments.experiment_input import experiment_input
from pipelines.experiments.prompt_rows import image_rows, prompt_rows
from pipelines.experiments.vision_input import vision_input
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.named_dictionaries import require_named_dictionaries
from pipelines.store.store import Store

if TYPE_CHECKING:
    from models.experiments.kept_results import KeptResults
    from models.experiments.method import PassCount


@dataclass(frozen=True, slots=True)
class ExperimentQuestion:
    """A method with its input, whether it asks a language model or a vision model."""

    method: Any
    """An `ExperimentMethod` or a `VisionMethod`."""
    given: Any
    """The `ExperimentInput` or `VisionInput` that it takes."""
    items: Sequence[Any]
    """Prompts, images, units or kinds of stimuli."""
    prefix: Sequence[str]
    """Special tokens before each text."""
    prompt_rows: Sequence[dict[str, Any]]

    @classmethod
    def of(
        cls, store: Store, registration: ExperimentRegistration, kept: "KeptResults | None" = None
    ) -> "ExperimentQuestion":
        """Loads and checks everything; raises as `experiment_input` and `vision_input`."""
        from models.experiments.method import method_of

        require_named_dictionaries(store, registration)
        method: Any = method_of(registration.card.method)
        if registration.settings.asks == "language":
            given = experiment_input(store, registration)
            given = given if kept is None else replace(given, kept=kept)
            prefix = given.host.tokenizer.convert_ids_to_tokens(list(given.prefix))
            return cls(method, given, given.prompts, prefix, prompt_rows(given))
        seen = vision_input(store, registration)
        seen = seen if kept is None else replace(seen, kept=kept)
        return cls(method, seen, method.items(seen), (), image_rows(seen))

    @property
    def passes(self) -> "PassCount":
        """What it costs."""
        return self.method.passes(self.given)
