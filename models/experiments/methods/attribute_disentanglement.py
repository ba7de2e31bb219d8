"""Attributes of entities moved by features of a dictionary."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from models.evaluation.attribute_disentanglement import (
    CONDITIONS,
    Disentanglement,
    Training,
    attribute_disentanglement,
)
from models.experiments.entity_answers import entity_prompts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.attribute_disentanglement import AttributeDisentanglementSettings
from models.interventions.attribute_interchange import BATCH, EntityPrompts
from models.numerics.hash_sampling import hash_rank

Given = ExperimentInput[AttributeDisentanglementSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together: pairs are of any two entities."""
    attributes, settings = _attributes(given), given.settings
    whole = entity_prompts(given.host, given.features, prompts, attributes)
    knows_N = _knows(whole)
    known = _some(whole, np.flatnonzero(knows_N))
    is_test_N = _is_test(given)[knows_N]
    training = Training(
        settings.pairs,
        settings.epochs,
        settings.mask_rate,
        settings.subspace_rate,
        min(settings.directions, whole.x_ND.shape[1]),
        settings.random_draws,
        given.seed,
    )
    rows = []
    for attribute in settings.attributes or attributes:
        number = attributes.index(attribute)
        counts = {
            "n_known": int((knows_N & (whole.attribute_N == number)).sum()),
            "n_asked": int((whole.attribute_N == number).sum()),
        }
        _check_known(given, attribute, counts["n_known"], is_test_N[known.attribute_N == number])
        rows += given.kept.result(
            f"attribute {attribute}",
            lambda number=number, attribute=attribute, counts=counts: [
                {"recipe_id": given.features.recipe_id, "attribute": attribute} | _row(row) | counts
                for row in attribute_disentanglement(known, number, is_test_N, training)
            ],
        )
    return {"attribute_disentanglement": rows}


@torch.no_grad()
def _knows(prompts: EntityPrompts) -> np.ndarray:
    """Which prompts the model answers rightly as they are, among all answers of the set. (N,)"""
    rows_N = torch.arange(len(prompts.x_ND))
    said = [prompts.answers(prompts.x_ND[rows], rows).argmax(1) for rows in rows_N.split(BATCH)]
    return (torch.cat(said) == prompts.answer_N).numpy()


def _some(prompts: EntityPrompts, rows: np.ndarray) -> EntityPrompts:
    """Some of the prompts, counted anew."""
    places = torch.from_numpy(rows)
    return replace(
        prompts,
        x_ND=prompts.x_ND[places],
        codes_NF=prompts.codes_NF[places],
        error_ND=prompts.error_ND[places],
        entity_N=prompts.entity_N[rows],
        attribute_N=prompts.attribute_N[rows],
        answer_N=prompts.answer_N[places],
        answers=lambda x_BD, rows_B: prompts.answers(x_BD, places[rows_B]),
    )


def _is_test(given: Given) -> np.ndarray:
    """Whether a prompt's entity is reported; of all entities the share that the settings say, drawn by a hash. (N,)"""
    entities = [str(prompt.prompt.subject).strip() for prompt in given.prompts]
    order = sorted(set(entities), key=lambda entity: hash_rank(entity, f"entities {given.seed}"))
    tested = set(order[: round(given.settings.test_share * len(order))])
    return np.array([entity in tested for entity in entities])


def _row(row: Disentanglement) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "condition": row.condition,
        "n_moved": row.n_moved,
        "feature_ids": None if row.features is None else list(row.features),
    }
    for name in ("cause", "isolation", "score"):
        low, high = getattr(row, f"{name}_interval") or (None, None)
        columns |= {name: getattr(row, name), f"{name}_ci_low": low, f"{name}_ci_high": high}
    return columns | {"n_cause": row.n_cause, "n_isolation": row.n_isolation, "n_entities": row.n_entities}


def _attributes(given: Given) -> list[str]:
    return sorted({str(prompt.prompt.label) for prompt in given.prompts})


def _check_known(given: Given, attribute: str, n_known: int, is_test_M: np.ndarray) -> None:
    fewest = given.settings.fewest_entities
    if n_known < fewest or min(is_test_M.sum(), (~is_test_M).sum()) < 3:
        raise ValueError(
            f"{given.host.architecture} says the {attribute} of {n_known} entities, {int(is_test_M.sum())} of them "
            f"test entities; wanted {fewest} (`fewest_entities`) with three on either side: ask in other words, name "
            "more entities, or leave the attribute out of `attributes`"
        )


def _check(given: Given) -> None:
    """Entities, attributes and their values, before the first pass."""
    given.features.require_autoencoder()
    asked: dict[tuple[str, str], str | None] = {}
    for prompt in given.prompts:
        if not prompt.subject_positions:
            raise InvalidPrompt(f"row {prompt.prompt_id} names no subject: add the entity, as it stands in the prompt")
        key = str(prompt.prompt.subject).strip(), str(prompt.prompt.label)
        if asked.setdefault(key, prompt.prompt.answer) != prompt.prompt.answer:
            raise InvalidPrompt(
                f"row {prompt.prompt_id}: the {key[1]} of {key[0]} is {prompt.prompt.answer!r} here and "
                f"{asked[key]!r} in an earlier row: an entity has one value of each attribute"
            )
    attributes = _attributes(given)
    if len(attributes) < 2:
        raise InvalidPrompt(f"all rows ask one attribute, {attributes[0]}: nothing else could stay; add another label")
    if unknown := sorted(set(given.settings.attributes or ()) - set(attributes)):
        raise InvalidPrompt(f"attributes: no row asks {unknown[0]}; there are {', '.join(attributes)}")
    for attribute in attributes:
        entities = {entity for entity, of in asked if of == attribute}
        if len(entities) < given.settings.fewest_entities:
            raise InvalidPrompt(
                f"label {attribute!r} is asked of {len(entities)} entities, wanted {given.settings.fewest_entities} "
                "(`fewest_entities`): add some"
            )


def _passes(given: Given) -> PassCount:
    """At most, if there are as many pairs as are asked for: every prompt twice, and of each attribute its pairs of both
    kinds, learned from with mask and subspace, and reported of under each condition."""
    settings = given.settings
    n_moved = len(settings.attributes or _attributes(given))
    learned = n_moved * 2 * settings.pairs * 2 * settings.epochs
    told = n_moved * 2 * settings.pairs * (len(CONDITIONS) - 1 + settings.random_draws)
    return PassCount(forward=2 * len(given.prompts) + learned + told, backward=learned)


METHOD = ExperimentMethod(settings=AttributeDisentanglementSettings, measure=_measure, passes=_passes, check=_check)
