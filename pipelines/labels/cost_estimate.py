"""What labelling a partition would ask and cost, counted without asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.labels.image_labels import by_feature, class_rows, explanation_rows
from pipelines.labels.inputs import feature_data
from pipelines.labels.requested_features import requested, require_firing_features
from pipelines.registry.registry import SAERegistration
from pipelines.registry.text_only import refuse_text_recipe
from pipelines.store.store import Store
from storage.table_schemas import table_schema

if TYPE_CHECKING:
    from rich.table import Table

    from models.autointerp.cost_estimate import Estimate

PLACEHOLDER_LABEL = "a label of about as many words as labels mostly have"
"""Stands for a label that is not made yet when the questions of a judge are counted."""


@dataclass(frozen=True, slots=True)
class EstimateLine:
    """Questions of one purpose to one LLM, for one partition."""

    sae_id: str
    llm: str
    estimate: "Estimate"


def estimate_costs(
    store: Store, sae_ids: Sequence[str], asked: Sequence[int] = ()
) -> tuple[list[EstimateLine], dict[str, str]]:
    """The lines of several partitions, and of those that have no features yet, or cannot be labelled, why."""
    lines: list[EstimateLine] = []
    not_ready: dict[str, str] = {}
    for sae_id in sae_ids:
        try:
            lines += estimate_cost(store, store.registration(sae_id), asked)
        except ValueError as error:
            not_ready[sae_id] = str(error) if sae_id in str(error) else f"{sae_id}: {error}"
    return lines, not_ready


def estimate_cost(store: Store, registration: SAERegistration, asked: Sequence[int] = ()) -> list[EstimateLine]:
    """One line for each purpose; nothing where no LLM would be asked. Labels of the examples that are there now."""
    import pyarrow as pa

    from models.autointerp.assembly import LabelingSetup
    from models.autointerp.cost_estimate import DryRunLLM
    from models.autointerp.llm_client.prices import FREE, price_of
    from models.autointerp.llm_client.request_ledger import RequestLedger
    from models.autointerp.scorer import scorer_of
    from models.autointerp.stages import label_features, rate_labels, score_labels

    if (images := registration.model.images_seen) is not None:
        refuse_text_recipe(registration.sae_id, registration.recipe, images)
    require_firing_features(store, registration, asked)
    settings = registration.recipe.explanations
    if not settings.sends_prompts:
        return []
    ledger, known, plans = (
        RequestLedger.read(store.layout.ledger()),
        feature_data(store, registration),
        dict[str, DryRunLLM](),
    )

    def plan(name: str) -> DryRunLLM:
        llm, price = (settings.llm, price_of(settings.llm or "")) if name == "anthropic" else (settings.local_llm, FREE)
        return plans.setdefault(name, DryRunLLM(llm or name, price, ledger))

    asking = LabelingSetup(
        settings.model_copy(
            update={
                "scorers": tuple(
                    name for name in settings.scorers if scorer_of(name).task_of(of_images=known.of_images) is not None
                )
            }
        ),
        store.layout.ledger(),
        registration.sae_id,
        plan,
    )
    wanted = (*requested(store, registration), *asked)
    made = label_features(known, asking, wanted).rows
    if known.of_images:
        made = by_feature(made, explanation_rows(registration, class_rows(store, registration)[0]))
    stand_in = pa.array([label or PLACEHOLDER_LABEL for label in made["label"].to_pylist()])
    status = pa.array(["ok" if s == "planned" else s for s in made["status"].to_pylist()])
    made = made.set_column(made.schema.get_field_index("label"), "label", stand_in)
    made = made.set_column(made.schema.get_field_index("status"), "status", status)
    rate_labels(known, made, asking)
    score_labels(known, made, table_schema("specificity").empty_table(), asking)
    return [EstimateLine(registration.sae_id, llm.name, one) for llm in plans.values() for one in llm.estimates()]


def plan_table(lines: Sequence[EstimateLine]) -> "Table | str":
    """For the terminal: what would be asked, and dollars live and in batches."""
    from rich.table import Table

    if not lines:
        return "No LLM would be asked: the recipes' explainer and judge are lexical. It costs nothing."
    table = Table("sae_id", "llm", "purpose", "requests", "answered", "tokens in", "tokens out", "live $", "batch $")
    for line in lines:
        e = line.estimate
        counts = (e.n_requests, e.n_answered, e.input_tokens, e.output_tokens)
        costs = (f"{e.live_usd:,.4f}", f"{e.batch_usd:,.4f}")
        table.add_row(line.sae_id, line.llm, e.purpose, *(f"{count:,}" for count in counts), *costs)
    costs = [sum(getattr(line.estimate, name) for line in lines) for name in ("live_usd", "batch_usd")]
    table.add_row("all", "", "", "", "", "", "", *(f"{usd:,.4f}" for usd in costs))
    return table
