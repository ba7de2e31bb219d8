"""Addresses: made from ids, and read as people and machines write them."""

import os
from urllib.parse import quote


def sae_url(model_id: str, recipe_id: str) -> str:
    return f"/sae/{quote(model_id, safe='')}/{quote(recipe_id, safe='')}"


def feature_url(model_id: str, recipe_id: str, feature_id: int) -> str:
    return f"{sae_url(model_id, recipe_id)}/{feature_id}"


def model_url(model_id: str) -> str:
    return f"/model/{quote(model_id, safe='')}"


def text_url(model_id: str, recipe_id: str = "") -> str:
    """Where a text is read with a model's dictionaries, or with one of them."""
    query = f"?dictionary={quote(recipe_id, safe='')}" if recipe_id else ""
    return f"/model/{quote(model_id, safe='')}/text{query}"


def image_url(model_id: str) -> str:
    """Where an image is looked at with a vision model's dictionaries."""
    return f"/model/{quote(model_id, safe='')}/image"


def list_url(list_id: str) -> str:
    return f"/list/{quote(list_id, safe='')}"


def experiment_url(model_id: str, experiment_id: str) -> str:
    return f"/experiments/{quote(model_id, safe='')}/{quote(experiment_id, safe='')}"


def graph_url(model_id: str, experiment_id: str, prompt_id: int) -> str:
    """The page of the attribution graph of a prompt."""
    return f"{experiment_url(model_id, experiment_id)}/graph/{prompt_id}"


def api_graph_url(model_id: str, experiment_id: str, prompt_id: int) -> str:
    """Where programs read it."""
    return f"/api{experiment_url(model_id, experiment_id)}/graphs/{prompt_id}"


def viewer_graph_url(model_id: str, experiment_id: str, prompt_id: int) -> str:
    """Where viewers of circuit-tracer and Neuronpedia find its file."""
    return f"/api/graph_data/{quote(model_id, safe='')}/{quote(experiment_id, safe='')}/{prompt_id}.json"


def api_url(model_id: str, recipe_id: str, feature_id: int | None = None) -> str:
    """Where programs read a dictionary, or a feature of it."""
    feature = "" if feature_id is None else f"/features/{feature_id}"
    return f"/api/saes/{quote(model_id, safe='')}/{quote(recipe_id, safe='')}{feature}"


def hand_question_url(model_id: str, method: str) -> str:
    return f"{model_url(model_id)}/ask/{quote(method, safe='')}"


def parse_id(text: str) -> int | None:
    """A number as people write it, None for what is none; ten digits are more than any dictionary has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def replace_invalid_unicode(text: str) -> str:
    """Text that can be asked for in SQL: what is no Unicode text is replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def dagster_address() -> str:
    """Address of the Dagster server: `GLASSHOUSE_DAGSTER`, or this machine's."""
    return os.environ.get("GLASSHOUSE_DAGSTER", "http://127.0.0.1:3000")


def dagster_url(sae_id: str) -> str:
    """Where Dagster shows the runs that made a dictionary, on the server that `GLASSHOUSE_DAGSTER` names."""
    return f"{dagster_address()}/assets/sae?view=partitions&partition={quote(sae_id, safe='')}"
