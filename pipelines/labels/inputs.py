"""What the assets of labels share: what they are made from, who is asked, and what their identities are."""

from collections.abc import Sequence
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

_ASKED = {"llm", "local_llm", "together", "budget_usd"}
_EXPLAINS = _ASKED | {"explainer", "prompts", "windows", "features", "first"}
_JUDGES = _ASKED | {"judge"}
_SCORES = _JUDGES | {"scorers", "encoder"}


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
    prompts = [prompt_sha256(f"explain_{name}") for name in settings.prompts] if settings.sends_prompts else []
    beside = {"logits": "logit_effect", "contrastive": "neighbor"}
    shown = [beside[name] for name in settings.prompts if name in beside and settings.sends_prompts]
    return {
        "examples": identity_of_table(store, "example", registration),
        "shown": {table: identity_of_table(store, table, registration) for table in shown},
        "explanations": settings.model_dump(mode="json", include=_EXPLAINS),
        "requested": list(requested(store, registration)),
        "prompts": prompts,
        "code": CODE_VERSION,
        **_versions(settings, local_llm="local" in settings.explainers),
    }


def ratings_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What ratings depend on: the labels, and who judges by which prompt."""
    settings = registration.recipe.explanations
    versions = _versions(settings, local_llm=settings.judge == "local")
    return _judged(store, registration, _JUDGES, ["specificity"]) | versions


def scored_identity(store: Store, registration: SAERegistration) -> dict[str, Any]:
    """What scores depend on: the labels, their ratings, who judges what by which prompts, and the features nearby."""
    tables = ("specificity", "neighbor", "logit_effect")
    settings = registration.recipe.explanations
    tasks = [name for name in settings.scorers if name not in ("embedding", "surprisal")]
    made = {name: identity_of_table(store, name, registration) for name in tables}
    reads = settings.judge == "local" or "surprisal" in settings.scorers
    versions = _versions(
        settings, local_llm=reads and settings.local_llm is not None, encoder=settings.encoder is not None
    )
    return _judged(store, registration, _SCORES, tasks) | {"made": made} | versions


def _judged(store: Store, registration: SAERegistration, fields: set[str], tasks: list[str]) -> dict[str, Any]:
    from models.autointerp.prompt_files import prompt_sha256

    settings = registration.recipe.explanations
    return {
        "explanation": identity_of_table(store, "explanation", registration),
        "explanations": settings.model_dump(mode="json", include=fields),
        "prompts": [prompt_sha256(task) for task in tasks] if settings.judge != "lexical" else [],
        "code": CODE_VERSION,
    }


def _versions(settings: ExplanationSettings, **used: bool) -> dict[str, Any]:
    """Which version of each model on this machine is meant, where it is named and used: nothing where none is."""
    named = {name: getattr(settings, name) for name, is_used in used.items() if is_used}
    found = {
        name: resolve_revision(source, getattr(settings, f"{name}_revision"))
        for name, source in named.items()
        if source is not None
    }
    return {"models": found} if found else {}


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
