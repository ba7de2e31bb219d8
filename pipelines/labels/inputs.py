"""What the assets of labels share: what they are made from, who is asked, and what their identities are."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models.autointerp.config import ExplanationSettings
from pipelines.labels.requested_features import requested
from pipelines.registry.registry import CODE_VERSION, SAERegistration
from pipelines.store.model_loading import load_tokenizer
from pipelines.store.store import Store
from storage.manifest import Manifest
from storage.revisions import resolve_revision

if TYPE_CHECKING:
    from models.autointerp.assembly import LabelingSetup
    from models.autointerp.feature_data import FeatureData
    from models.autointerp.llm_client.request_ledger import LedgerAnswer

_ASKED = {"llm", "local_llm", "features_per_request", "budget_usd"}
_EXPLAINS = _ASKED | {"explainer", "prompt_variants", "example_selection", "features", "priority"}
_JUDGES = _ASKED | {"judge"}
_EMBEDS = {"sentence_encoder"}
"""What reads the meaning of labels: their vectors are written beside the scores."""
_SCORES = _JUDGES | _EMBEDS | {"scorers"}


def feature_data(store: Store, registration: SAERegistration) -> "FeatureData":
    """All that is known of the partition's features."""
    from models.autointerp.feature_data import FeatureData
    from models.autointerp.lexical.token_counts import token_counts
    from models.language_model.token_strings import TokenStrings

    def read(name: str) -> pa.Table | None:
        return store.tables.read(name, registration) if Manifest.read(store.layout.table(name, registration)) else None

    def background() -> dict[str, int]:
        return token_counts(
            store.datasets.contexts(store.datasets.trained(registration)), TokenStrings.of(load_tokenizer(registration))
        )

    return FeatureData(
        registration.sae_id,
        store.tables.read("example", registration),
        background,
        read("feature"),
        read("logit_effect"),
        read("neighbor"),
        store.datasets.codes(registration),
        store.datasets.contexts(store.datasets.trained(registration)).token_filter.frame.first_read,
    )


def labeling_setup(store: Store, registration: SAERegistration) -> "LabelingSetup":
    from models.autointerp.assembly import LabelingSetup

    return LabelingSetup(registration.recipe.explanations, store.layout.ledger(), registration.sae_id)


def explained_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What labels depend on: the examples, who labels by which prompt what, and what prompts show besides."""
    from models.autointerp.prompt_files import prompt_sha256

    settings = registration.recipe.explanations
    prompts = [prompt_sha256(f"explain_{name}") for name in settings.prompt_variants] if settings.sends_prompts else []
    beside = {"logits": "logit_effect", "contrastive": "neighbor"}
    shown = [beside[name] for name in settings.prompt_variants if name in beside and settings.sends_prompts]
    return {
        "examples": identity_of_table(store, "example", registration),
        "shown": {table: identity_of_table(store, table, registration) for table in shown},
        "explanations": settings.model_dump(mode="json", include=_EXPLAINS),
        "requested": list(requested(store, registration)),
        "prompts": prompts,
        "code": CODE_VERSION,
        **_versions(settings, _local_llm(*settings.explainers)),
    }


def ratings_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What ratings depend on: the labels, and who judges by which prompt."""
    settings = registration.recipe.explanations
    versions = _versions(settings, _local_llm(settings.judge))
    return _judged(store, registration, _JUDGES, ["specificity"]) | versions


def scored_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What scores depend on: the labels, their ratings, who judges what by which prompts, and the features nearby."""
    from models.autointerp.scorer import scorer_of

    tables = ("specificity", "neighbor", "logit_effect")
    settings = registration.recipe.explanations
    scorers = {name: scorer_of(name) for name in settings.scorers}
    tasks = [scorer.task.name for scorer in scorers.values() if scorer.task is not None]
    made = {name: identity_of_table(store, name, registration) for name in tables}
    read = _EMBEDS | {setting for scorer in scorers.values() for setting in scorer.reads}
    fields = _SCORES | read | {setting for scorer in scorers.values() for setting in scorer.needs}
    versions = _versions(settings, read | _local_llm(settings.judge))
    headlines = {name: scorer.headline for name, scorer in scorers.items()}
    return _judged(store, registration, fields, tasks) | {"made": made, "headlines": headlines} | versions


def _judged(store: Store, registration: SAERegistration, fields: set[str], tasks: list[str]) -> dict[str, Any]:
    from models.autointerp.prompt_files import prompt_sha256

    settings = registration.recipe.explanations
    return {
        "explanation": identity_of_table(store, "explanation", registration),
        "explanations": settings.model_dump(mode="json", include=fields),
        "prompts": [prompt_sha256(task) for task in tasks] if settings.judge != "lexical" else [],
        "code": CODE_VERSION,
    }


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


def identity_of_table(store: Store, table: str, registration: SAERegistration) -> str:
    """The identity of a table's partition that is there."""
    return store.tables.manifest_of(table, registration).identity_sha256


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
