"""What the assets of labels share: what they are made from, who is asked, and what their identities are."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models.autointerp.config import ExplanationSettings
from pipelines.labels.requested_features import requested
from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.explanations import EXPLANATIONS
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS
from pipelines.registry.identities.stages.label_scores import LABEL_SCORES
from pipelines.registry.identities.stages.logit_effects import LOGIT_EFFECTS
from pipelines.registry.identities.stages.neighbors import NEIGHBORS
from pipelines.registry.identities.stages.specificity_ratings import SPECIFICITY_RATINGS
from pipelines.registry.registry import SAERegistration
from pipelines.registry.text_only import refuse_text_recipe
from pipelines.store.model_loading import load_tokenizer
from pipelines.store.store import Store
from storage.manifest import Manifest
from storage.revisions import resolve_revision

if TYPE_CHECKING:
    from models.autointerp.assembly import LabelingSetup
    from models.autointerp.feature_data import FeatureData
    from models.autointerp.image_example_set import ImageExampleSet
    from models.autointerp.judge_task import JudgeTask
    from models.autointerp.llm_client.request_ledger import LedgerAnswer

_TABLES = {
    FEATURE_STATISTICS.name: "example",
    LOGIT_EFFECTS.name: "logit_effect",
    NEIGHBORS.name: "neighbor",
    EXPLANATIONS.name: "explanation",
    SPECIFICITY_RATINGS.name: "specificity",
}
"""The table whose identity stands for a stage."""
HUMAN_LABELS = "human_labels"
"""What an identity of labels calls the hash of what people wrote; not there where nobody wrote any."""


def feature_data(store: Store, registration: SAERegistration) -> "FeatureData":
    """All that is known of the partition's features."""
    from models.autointerp.feature_data import FeatureData
    from models.autointerp.lexical.token_counts import token_counts
    from models.language_model.token_strings import TokenStrings

    def read(name: str) -> pa.Table | None:
        return store.tables.read(name, registration) if Manifest.read(store.layout.table(name, registration)) else None

    def background() -> dict[str, int]:
        return token_counts(contexts, TokenStrings.of(load_tokenizer(registration)))

    def with_pictures(examples: pa.Table) -> "ImageExampleSet":
        return image_examples(store, registration, examples)

    contexts = store.datasets.contexts(store.datasets.trained(registration))
    of_images = registration.model.images_seen is not None
    return FeatureData(
        registration.sae_id,
        store.tables.read("example", registration),
        background,
        read("feature"),
        read("logit_effect"),
        read("neighbor"),
        store.datasets.codes(registration),
        contexts.token_filter.frame.first_read,
        with_pictures if of_images else None,
        lambda: contexts.near_copy_group,
    )


def image_examples(store: Store, registration: SAERegistration, examples: pa.Table) -> "ImageExampleSet":
    """Examples of a vision model with their places, and the small pictures that the store keeps of its images."""
    from models.autointerp.image_example_set import ImageExampleSet
    from models.vision_model.token_grid import TokenGrid

    images, patches = store.datasets.images(registration), store.tables.read("patch_example", registration)
    grid = TokenGrid.of_facts(store.datasets.harvested(registration).facts["grid"])
    thumbnails = images.index.column("thumb")
    view = images.manifest.facts["height"], images.manifest.facts["width"]
    return ImageExampleSet.of_images(
        examples, patches, grid.n_leading, lambda image_id: thumbnails[image_id].as_py(), view
    )


def labeling_setup(store: Store, registration: SAERegistration) -> "LabelingSetup":
    from models.autointerp.assembly import LabelingSetup

    if (images := registration.model.images_seen) is not None:
        refuse_text_recipe(registration.sae_id, registration.recipe, images)
    return LabelingSetup(registration.recipe.explanations, store.layout.ledger(), registration.sae_id)


def explained_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What labels depend on: the examples, who labels by which prompt what, and what prompts show besides."""
    from models.autointerp.prompt_files import explaining_prompt, prompt_sha256

    settings, of_images = registration.recipe.explanations, registration.model.images_seen is not None
    sent = settings.prompt_variants if settings.explainers_send_prompts else ()
    found: dict[str, Any] = {"requested": list(requested(store, registration))}
    found["prompts"] = [prompt_sha256(explaining_prompt(name, of_images=of_images)) for name in sent]
    if registration.human_labels:
        found[HUMAN_LABELS] = registration.human_labels_sha256
    versions = _versions(settings, _local_llm(*settings.explainers))
    return EXPLANATIONS.identity(registration, _read(store, registration, EXPLANATIONS), found | versions)


def ratings_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What ratings depend on: the labels, and who judges by which prompt."""
    from models.autointerp.scorers import specificity

    settings, of_images = registration.recipe.explanations, registration.model.images_seen is not None
    task = specificity.SCORER.task_of(of_images=of_images)
    found = _prompts(settings, [task]) | _versions(settings, _local_llm(settings.judge))
    return SPECIFICITY_RATINGS.identity(registration, _read(store, registration, SPECIFICITY_RATINGS), found)


def scored_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What scores depend on: the labels, their ratings, who judges what by which prompts, and the features nearby."""
    from models.autointerp.scorer import scorer_of

    settings = registration.recipe.explanations
    scorers = {name: scorer_of(name) for name in settings.scorers}
    models = {setting for scorer in scorers.values() for setting in scorer.reads}
    needed = {setting for scorer in scorers.values() for setting in scorer.needs}
    of_images = registration.model.images_seen is not None
    tasks = [scorer.task_of(of_images=of_images) for scorer in scorers.values()]
    found = _prompts(settings, tasks) | _versions(settings, {"sentence_encoder"} | models | _local_llm(settings.judge))
    found["scorers_read"] = settings.model_dump(mode="json", include=models | needed)
    found["headlines"] = {name: scorer.headline for name, scorer in scorers.items()}
    return LABEL_SCORES.identity(registration, _read(store, registration, LABEL_SCORES), found)


def _read(store: Store, registration: SAERegistration, stage: StageIdentity) -> list[dict[str, Any]]:
    """The identities of the tables that a stage of labels reads, as they are there."""
    tables = [_TABLES[some.name] for some in stage.inputs_of(registration) if some.name in _TABLES]
    return [store.tables.manifest_of(name, registration).identity for name in tables]


def _prompts(settings: ExplanationSettings, tasks: "Sequence[JudgeTask | None]") -> dict[str, Any]:
    """The prompts that a judge is sent."""
    from models.autointerp.prompt_files import prompt_sha256

    sent = [task for task in tasks if task is not None and settings.judge != "lexical"]
    return {"prompts": [prompt_sha256(task.prompt) for task in sent]}


def _local_llm(*asked: str) -> set[str]:
    """The setting that names the model of this machine, where that is asked."""
    return {"local_llm"} if "local" in asked else set()


def _versions(settings: ExplanationSettings, read: Iterable[str]) -> dict[str, Any]:
    """Which version of each model on this machine is meant, of those that are read and named: nothing where none is.

    Args:
        read: Settings that name a model.
    """
    sources = {name: source for name in sorted(read) if (source := getattr(settings, name)) is not None}
    versions = {
        name: resolve_revision(source, getattr(settings, f"{name}_revision")) for name, source in sources.items()
    }
    return {"models": versions} if versions else {}


def write_requests(
    store: Store,
    registration: SAERegistration,
    purposes: Sequence[str],
    answers: "Sequence[LedgerAnswer]",
    identity: dict[str, Any],
) -> None:
    """What was asked and paid, by purpose; written before the rows that came of it."""
    from models.autointerp.stages import request_rows

    for purpose, rows in request_rows(store.layout.ledger(), registration.sae_id, purposes, answers).items():
        store.tables.write(store.layout.table("llm_request", registration) / f"purpose={purpose}", rows, identity)
