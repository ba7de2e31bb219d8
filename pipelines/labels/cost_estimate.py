"""What labelling a partition would ask and cost, counted without asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.labels.inputs import material
from pipelines.labels.requested_features import check, requested
from pipelines.registry.registry import Registration
from pipelines.store.store import Store

if TYPE_CHECKING:
    from rich.table import Table

    from models.autointerp.cost_estimate import Estimate

A_LABEL = "a label of about as many words as labels mostly have"
"""Stands for a label that is not made yet when the questions of a judge are counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """Questions of one purpose to one LLM, for one partition."""

    sae_id: str
    llm: str
    estimate: "Estimate"


def planned(store: Store, registration: Registration, asked: Sequence[int] = ()) -> list[Line]:
    """One line for each purpose; nothing where no LLM would be asked. Labels of the examples that are there now."""
    import pyarrow as pa

    from models.autointerp.assembly import Askers
    from models.autointerp.cost_estimate import PlanLLM
    from models.autointerp.llm_client.prices import FREE, price_of
    from models.autointerp.llm_client.request_ledger import Ledger
    from models.autointerp.stages import SPECIFICITY, explain, rate, score

    check(store, registration, asked)
    settings = registration.recipe.explanations
    if not settings.sends_prompts:
        return []
    ledger, known, plans = Ledger.read(store.ledger()), material(store, registration), dict[str, PlanLLM]()

    def plan(name: str) -> PlanLLM:
        llm, price = (settings.llm, price_of(settings.llm or "")) if name == "anthropic" else (settings.local_llm, FREE)
        return plans.setdefault(name, PlanLLM(llm or name, price, ledger))

    asking = Askers(
        settings.model_copy(
            update={"scorers": tuple(name for name in settings.scorers if name not in ("embedding", "surprisal"))}
        ),
        store.ledger(),
        registration.sae_id,
        plan,
    )
    wanted = (*requested(store, registration), *asked)
    made = explain(known, asking, wanted).rows
    stand_in = pa.array([label or A_LABEL for label in made["label"].to_pylist()])
    status = pa.array(["ok" if s == "planned" else s for s in made["status"].to_pylist()])
    made = made.set_column(made.schema.get_field_index("label"), "label", stand_in)
    made = made.set_column(made.schema.get_field_index("status"), "status", status)
    rate(known, made, asking)
    score(known, made, SPECIFICITY.empty_table(), asking)
    return [Line(registration.sae_id, llm.name, one) for llm in plans.values() for one in llm.estimates()]


def plan_table(lines: Sequence[Line]) -> "Table | str":
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
