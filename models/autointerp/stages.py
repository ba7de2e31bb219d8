"""The two stages: `explain` labels features, `rate` says how specific the labels are.

Explanations are made from examples for explaining only, ratings on examples for scoring only
(`models.examples.is_for_scoring`), so a label is never rated on what it was made from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from models.autointerp.gallery import Gallery
from models.autointerp.ledger import Answer, Ledger
from models.autointerp.llm import LLM
from models.autointerp.messages import check_access
from models.autointerp.rows import EXPLANATION, SPECIFICITY, Explanation, Progress, Rating, request_table, silent
from models.folder import Folder
from models.settings import ExplanationSettings


class Explainer(Protocol):
    """Labels features by the examples of a gallery that are for explaining."""

    def explain(self, gallery: Gallery, features: Sequence[int], progress: Progress) -> list[Explanation]: ...


class Judge(Protocol):
    """Rates labels, each on the examples of its feature that are for scoring; says besides what it asked an LLM."""

    name: str

    def rate(
        self, gallery: Gallery, labels: dict[int, str], progress: Progress
    ) -> tuple[list[Rating], list[Answer]]: ...


@dataclass(frozen=True, slots=True)
class Explained:
    """Rows of `explanation` and of `llm_request`."""

    explanations: pa.Table
    requests: pa.Table


@dataclass(frozen=True, slots=True)
class Rated:
    """Rows of `specificity` and of `llm_request`."""

    specificity: pa.Table
    requests: pa.Table


def explain(
    examples: pa.Table,
    settings: ExplanationSettings,
    background: Mapping[str, int],
    ledger_folder: Folder,
    *,
    sae_id: str,
    progress: Progress = silent,
) -> Explained:
    """Labels features: all that fire, or the `settings.features` of them with the highest maximal activation.

    Args:
        examples: Rows of the `example` table of one sae.
        settings: Who labels, and within which budget.
        background: How often each token string stands in the corpus; the lexical explainer compares with it.
        ledger_folder: Where answers of an LLM are kept, of any number of saes.
        sae_id: Of which sae; goes into the ids of the explanations, and it is its budget that is spent.
        progress: Called with features done and features in all.

    Returns:
        One explanation per feature, failures included, and the requests made for them.

    Raises:
        MissingKey, UnknownPrice: Before any work.
        KeyRefused, UnknownLLM, ProviderDown: When asking on is pointless; what was answered stays in the ledger.
    """
    check_access(settings)
    gallery = Gallery.of(examples)
    features = gallery.features if settings.features == "all" else gallery.strongest(settings.features)
    found = _explainer(settings, background, ledger_folder, sae_id).explain(gallery, features, progress)
    rows = pa.Table.from_pylist([explanation.row(sae_id) for explanation in found], schema=EXPLANATION)
    return Explained(rows, request_table(answer for explanation in found for answer in explanation.answers))


def rate(
    examples: pa.Table,
    explanations: pa.Table,
    settings: ExplanationSettings,
    ledger_folder: Folder,
    *,
    sae_id: str,
    progress: Progress = silent,
) -> Rated:
    """Rates every label on its feature's interval examples and controls; an explanation that failed is not rated.

    Raises as `explain` does.
    """
    check_access(settings)
    gallery = Gallery.of(examples)
    labels = {row["feature_id"]: row for row in explanations.to_pylist() if row["status"] == "ok"}
    judge = _judge(settings, ledger_folder, sae_id)
    ratings, answers = judge.rate(gallery, {feature: row["label"] for feature, row in labels.items()}, progress)
    ids = {feature: row["explanation_id"] for feature, row in labels.items()}
    return Rated(_specificity(gallery, ratings, ids, judge.name), request_table(answers))


def _specificity(
    gallery: Gallery, ratings: Sequence[Rating], explanation_ids: Mapping[int, str], judge: str
) -> pa.Table:
    """The rows of the rated examples; what they do not share with the `example` table is added."""
    rows = gallery.table.take(pa.array([rating.row for rating in ratings], pa.int64()))
    columns = {
        "explanation_id": [explanation_ids[feature] for feature in rows["feature_id"].to_pylist()],
        **{name: rows[name] for name in ("example_id", "feature_id", "interval", "activation")},
        "rating": [rating.rating for rating in ratings],
        "status": [rating.status for rating in ratings],
        "judge": [judge] * len(ratings),
    }
    return pa.table(columns).select(SPECIFICITY.names).cast(SPECIFICITY)


def _explainer(
    settings: ExplanationSettings, background: Mapping[str, int], ledger_folder: Folder, sae_id: str
) -> Explainer:
    if settings.explainer == "lexical":
        from models.autointerp.lexical import LexicalExplainer

        return LexicalExplainer(background)
    from models.autointerp.claude import ClaudeExplainer

    return ClaudeExplainer(LLM(settings, Ledger.open(ledger_folder), sae_id))


def _judge(settings: ExplanationSettings, ledger_folder: Folder, sae_id: str) -> Judge:
    if settings.judge == "lexical":
        from models.autointerp.lexical import LexicalJudge

        return LexicalJudge()
    from models.autointerp.claude import ClaudeJudge

    return ClaudeJudge(LLM(settings, Ledger.open(ledger_folder), sae_id))
