"""circuit-tracer's feature file, `features/{scan}/{index}.json`, where a scan is `{model_id}/{source}`."""

from itertools import accumulate
from typing import Any

from web.api.endpoint import Endpoint, Question, object_schema
from web.api.endpoints.examples import ordered
from web.api.neuronpedia.feature_rows import rows_of_feature
from web.api.neuronpedia.schemas import NUMBER, TEXT, WHOLE, list_of
from web.api.neuronpedia.sources import ForeignParameters, Index, ModelName, SourceName


class FeatureFile(ForeignParameters):
    """A feature of a scan."""

    model_id: ModelName
    source: SourceName
    index: Index


def _answer(question: Question, asked: FeatureFile) -> dict[str, Any]:
    names = ("examples", "activations", "effects")
    source, feature, parts = rows_of_feature(question, asked.model_id, asked.source, asked.index, *names)
    bars = parts["activations"]
    effects = sorted(parts["effects"], key=lambda row: row["rank"])
    return {
        "transcoder_id": f"{source['model_id']}/{source['source']}",
        "index": feature["feature_id"],
        "examples_quantiles": _groups(ordered(parts["examples"])),
        "top_logits": [row["token"] for row in effects if row["direction"] == "positive"],
        "bottom_logits": [row["token"] for row in effects if row["direction"] == "negative"],
        "act_min": 0.0,
        "act_max": feature["max_activation"] or 0.0,
        "quantile_values": _percentiles(bars),
        "histogram": [float(row["n"]) for row in bars],
        "activation_frequency": feature["density"],
    }


def _groups(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        names = {"top": "Top Activations", "interval": f"Interval {row['interval_index']}", "control": "Controls"}
        groups.setdefault(names[row["kind"]], []).append(
            {
                "tokens": row["tokens"],
                "tokens_acts_list": row["activations"],
                "train_token_ind": row["peak"],
                "is_repeated_datapoint": tuple(row["tokens"]) in seen,
            }
        )
        seen.add(tuple(row["tokens"]))
    return [{"quantile_name": name, "examples": examples} for name, examples in groups.items()]


def _percentiles(bars: list[dict[str, Any]]) -> list[float]:
    """Activations below which 1, 2, … 99 % of the firings lie: the upper edge of the bar that each falls in."""
    total = sum(row["n"] for row in bars)
    up_to = list(accumulate(row["n"] for row in bars))
    return [
        next(row["upper"] for row, n in zip(bars, up_to, strict=True) if 100 * n >= percent * total)
        for percent in (range(1, 100) if total else ())
    ]


_example = object_schema(
    tokens=list_of(TEXT),
    tokens_acts_list=list_of(NUMBER),
    train_token_ind=WHOLE,
    is_repeated_datapoint={"type": "boolean"},
)
ENDPOINT = Endpoint(
    title="A feature as the file that circuit-tracer's pages read.",
    path="/features/{model_id}/{source}/{index}.json",
    parameters=FeatureFile,
    answer=_answer,
    schema=object_schema(
        index=WHOLE,
        examples_quantiles=list_of(object_schema(quantile_name=TEXT, examples=list_of(_example))),
        top_logits=list_of(TEXT),
        bottom_logits=list_of(TEXT),
        act_min=NUMBER,
        act_max=NUMBER,
        quantile_values=list_of(NUMBER),
        histogram=list_of(NUMBER),
        activation_frequency=NUMBER,
    ),
    family="circuit-tracer",
)
