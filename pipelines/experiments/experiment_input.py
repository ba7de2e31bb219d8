"""What an experiment works on: model, prompts and dictionary, loaded and checked before the first pass."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.experiments.compared_model import compared_model
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry import SAERegistration
from pipelines.store.experiment_identity import chosen_prefix, sae_registrations
from pipelines.store.prompt_reading import read_prompts
from pipelines.store.store import Store
from pipelines.store.tagged_features import tagged_features
from storage.revisions import is_folder

if TYPE_CHECKING:
    from models.autointerp.llm_client.runner import LLM
    from models.experiments.feature_dictionary import FeatureDictionary
    from models.experiments.method import ExperimentInput
    from models.experiments.prompt import Prompt
    from models.language_model.hooked_model import HookedModel


def experiment_input(
    store: Store,
    registration: ExperimentRegistration,
    host: "HookedModel | None" = None,
    prompts: "Sequence[Prompt] | None" = None,
) -> "ExperimentInput[Any]":
    """Loads and checks everything that a method asks for.

    Args:
        host: The model, where it is loaded already.
        prompts: What is asked instead of the card's prompt set.

    Raises:
        InvalidPrompt: Naming the row that cannot be used.
        MissingKey, UnknownPrice: If a judge is named that cannot be asked.
        ValueError: If the method cannot answer for this model, dictionary or settings.
    """
    from models.experiments.method import ExperimentInput, method_of
    from models.experiments.prompt_encoding import PromptEncoder
    from models.language_model.model_limits import ModelLimits

    method, settings, prompt_set = method_of(registration.card.method), registration.settings, registration.prompt_set
    assert prompt_set is not None, "the card of a method that reads prompts names a set"
    host = host or load_host(registration)
    prefix = prompt_prefix(store, registration, host.tokenizer)
    limit = ModelLimits.of(registration.model.source, host.model.config).n_positions
    encoder = PromptEncoder(host.tokenizer, prefix, limit, prompt_set.max_tokens)
    rows = read_prompts(prompt_set) if prompts is None else prompts
    needs = {"needs_answer": settings.needs_answer, "needs_foil": settings.needs_foil}
    dictionaries = [feature_dictionary(store, named) for named in sae_registrations(store, registration)]
    for dictionary in dictionaries:
        dictionary.sae.to(host.device)
    asked, seed = encoder.encode(rows, **needs), registration.card.seed
    judge, fits = experiment_judge(store, registration), store.layout.experiment_fits(registration.model_id)
    other = compared_model(store, registration)
    tagged = tagged_features(store, registration)
    given = ExperimentInput(
        host, settings, asked, prefix, dictionaries, seed, judge=judge, other=other, tagged=tagged, fits=fits
    )
    method.check(given)
    return given


def experiment_judge(store: Store, registration: ExperimentRegistration) -> "Callable[[], LLM] | None":
    """Opens the LLM that the settings name as judge, asked on the experiment's account.

    Raises:
        MissingKey, UnknownPrice: If it cannot be asked.
    """
    judging = registration.settings.judging()
    if judging is None:
        return None
    from models.autointerp.assembly import LabelingSetup

    setup = LabelingSetup(judging, store.layout.ledger(), f"experiment {registration.key}")
    setup.check()
    return lambda: setup.llm(judging.judge)


def load_host(registration: ExperimentRegistration) -> "HookedModel":
    """The model of an experiment, at the revision that it was resolved to."""
    from models.language_model.hooked_model import HookedModel

    source = registration.model.source
    revision = None if is_folder(source) else registration.revision
    return HookedModel.load(source, revision, registration.model.dtype)


def prompt_prefix(store: Store, registration: ExperimentRegistration, tokenizer: Any) -> tuple[int, ...]:
    """Special tokens before each text: what the card says, what `context_frame` chose, or the tokenizer's habit."""
    from models.corpora.context_frame import SpecialTokens

    asked = registration.model.prepend_bos
    if asked != "auto":
        return SpecialTokens.asked(tokenizer, asked).prefix
    chosen = chosen_prefix(store, registration)
    return tuple(chosen) if chosen is not None else SpecialTokens.of(tokenizer).prefix


def feature_dictionary(store: Store, named: SAERegistration) -> "FeatureDictionary":
    """A dictionary with the statistics of its features.

    Raises:
        MissingDataset: If one of them was not made yet, or from other cards.
    """
    import numpy as np

    from models.experiments.feature_dictionary import FeatureDictionary
    from models.language_model.sites import Site

    trained, sae = store.datasets.trained(named), store.datasets.dictionary(named)
    table = store.tables.read("feature", named)
    feature_M = table["feature_id"].to_numpy()
    strongest_F, density_F = (np.zeros(sae.n_features) for _ in range(2))
    strongest_F[feature_M] = np.nan_to_num(table["max_activation"].to_numpy(zero_copy_only=False).astype(float))
    density_F[feature_M] = table["density"].to_numpy()
    site = Site.parse(store.datasets.site(named))
    return FeatureDictionary(named.recipe_id, sae, site, Site.parse(trained.facts["written"]), strongest_F, density_F)
