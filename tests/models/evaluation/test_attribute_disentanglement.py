"""Entities whose two attributes are known coordinates: a disentangled dictionary moves one of them and leaves the
other, a rotated one does not, and what is exchanged whole or not at all scores a half."""

import numpy as np
import pytest
import torch

from models.evaluation.attribute_disentanglement import Disentanglement, Training, attribute_disentanglement
from models.interventions.attribute_interchange import EntityPrompts, class_mean_subspace, interchange_pairs

ENTITIES, VALUES = 60, 6
WIDTH = 2 * VALUES + ENTITIES


def planted(*, rotated: bool) -> tuple[EntityPrompts, np.ndarray]:
    """Each entity has one of six values of both attributes and a code of its own; the answers read the values. Features
    are these coordinates, or the same space turned, so that each feature has a part of everything.

    Returns:
        Prompts, and which are of test entities.
    """
    chance = np.random.default_rng(0)
    orthonormal_DD = torch.from_numpy(np.linalg.qr(chance.normal(size=(WIDTH, WIDTH)))[0]).float()
    value_AE = chance.integers(0, VALUES, (2, ENTITIES))
    of_entity = torch.zeros(ENTITIES, WIDTH)
    for attribute, value_E in enumerate(value_AE):
        of_entity[np.arange(ENTITIES), attribute * VALUES + value_E] = 1
    of_entity[np.arange(ENTITIES), 2 * VALUES + np.arange(ENTITIES)] = 0.5
    entity_N, attribute_N = np.repeat(np.arange(ENTITIES), 2), np.tile([0, 1], ENTITIES)
    coordinates_NF = of_entity[torch.from_numpy(entity_N)]
    x_ND = coordinates_NF @ orthonormal_DD
    W_dec_FD = orthonormal_DD
    if rotated:
        turn_FF = torch.from_numpy(np.linalg.qr(chance.normal(size=(WIDTH, WIDTH)))[0]).float()
        W_dec_FD = turn_FF @ orthonormal_DD

    def answers(x_BD: torch.Tensor, rows_B: torch.Tensor) -> torch.Tensor:
        """A prompt reads its own attribute's coordinates, and nothing of the other's."""
        read_BV = 8 * x_BD @ orthonormal_DD[: 2 * VALUES].T
        first_B = torch.from_numpy(attribute_N)[rows_B] * VALUES
        column_V = torch.arange(2 * VALUES)
        is_mine_BV = (column_V >= first_B[:, None]) & (column_V < first_B[:, None] + VALUES)
        return torch.where(is_mine_BV, read_BV, -20.0)

    answer_N = torch.from_numpy(attribute_N * VALUES + value_AE[attribute_N, entity_N])
    codes_NF, error_ND = x_ND @ W_dec_FD.T, torch.zeros_like(x_ND)
    prompts = EntityPrompts(
        x_ND, codes_NF, np.arange(WIDTH) + 100, W_dec_FD, error_ND, entity_N, attribute_N, answer_N, answers
    )
    return prompts, entity_N % 3 == 0


TRAINING = Training(pairs=256, epochs=8, mask_rate=0.02, subspace_rate=0.02, n_directions=VALUES, random_draws=2)


def by_condition(*, rotated: bool) -> dict[str, Disentanglement]:
    prompts, is_test_N = planted(rotated=rotated)
    return {row.condition: row for row in attribute_disentanglement(prompts, 0, is_test_N, TRAINING)}


def test_a_disentangled_dictionary_moves_one_attribute_alone_with_exactly_its_features():
    found = by_condition(rotated=False)
    own = found["features"]
    assert (own.cause, own.isolation, own.score) == (1, 1, 1)
    assert own.features == tuple(range(100, 100 + VALUES)), "the six values, by their numbers in the dictionary"
    assert found["features_without_error"].score == 1, "nothing is left out"
    assert found["subspace"].score > 0.98
    assert found["class_means"].cause > 0.95
    assert (found["whole"].cause, found["whole"].isolation) == (1, 0)
    assert (found["nothing"].cause, found["nothing"].isolation) == (0, 1)
    assert found["random_features"].score < 0.75
    assert own.score_interval == (1, 1)
    assert own.n_entities == ENTITIES // 3
    assert own.n_cause == own.n_isolation == TRAINING.pairs


def test_the_same_space_turned_is_entangled_and_the_learned_subspace_does_not_mind():
    turned = by_condition(rotated=True)
    assert turned["features"].score < 0.98
    assert (turned["features"].n_moved or 0) > 4 * VALUES, "a part of everything is in each"
    assert turned["subspace"].score > 0.98
    low, high = turned["features"].score_interval or (0, 0)
    assert low < turned["features"].score < high


def test_what_the_dictionary_leaves_out_is_kept_or_dropped():
    """Half of each value's coordinate is error: with it the entity's own value stays as loud as the other's."""
    prompts, is_test_N = planted(rotated=False)
    codes_NF = prompts.codes_NF.clone()
    codes_NF[:, :VALUES] *= 0.4
    error_ND = prompts.x_ND - codes_NF @ prompts.W_dec_FD
    halved = EntityPrompts(
        prompts.x_ND,
        codes_NF,
        prompts.features_F,
        prompts.W_dec_FD,
        error_ND,
        prompts.entity_N,
        prompts.attribute_N,
        prompts.answer_N,
        prompts.answers,
    )
    found = {row.condition: row for row in attribute_disentanglement(halved, 0, is_test_N, TRAINING)}
    assert found["features"].cause == 0
    assert found["features_without_error"].cause == 1


def test_pairs_differ_in_what_is_moved_and_in_what_is_asked_for():
    prompts, is_test_N = planted(rotated=False)
    pairs = interchange_pairs(prompts, 1, ~is_test_N, 200, seed=3)
    base, source = pairs.base_M.numpy(), pairs.source_M.numpy()
    value = {
        (e, a): v for e, a, v in zip(prompts.entity_N, prompts.attribute_N, prompts.answer_N.tolist(), strict=True)
    }
    assert not is_test_N[base].any()
    assert not is_test_N[source].any()
    assert len(set(zip(base.tolist(), source.tolist(), strict=True))) == 400, "none twice"
    for place, (b, s) in enumerate(zip(prompts.entity_N[base], prompts.entity_N[source], strict=True)):
        asked = prompts.attribute_N[base[place]]
        assert value[b, 1] != value[s, 1]
        assert value[b, asked] != value[s, asked]
        assert pairs.is_cause_M[place] == (asked == 1)
        assert pairs.wanted_M[place] == (value[s, 1] if asked == 1 else value[b, asked])
    assert pairs.is_cause_M.sum() == 200


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 2)])
def test_too_few_entities_make_no_pairs(rows: slice):
    prompts, _ = planted(rotated=False)
    is_used_N = np.zeros(len(prompts.entity_N), bool)
    is_used_N[rows] = True
    assert len(interchange_pairs(prompts, 0, is_used_N, 10, 0).base_M) == 0


def test_class_means_are_those_of_the_entities_that_are_named():
    prompts, _ = planted(rotated=False)
    is_used_N = np.isin(prompts.answer_N.numpy(), [0, 2]) & (prompts.attribute_N == 0)
    basis_DK = class_mean_subspace(prompts, 0, is_used_N)
    assert basis_DK.shape == (WIDTH, 1), "two values differ along one direction"
    rows = [torch.from_numpy(np.flatnonzero(is_used_N & (prompts.answer_N.numpy() == value))) for value in (0, 2)]
    difference_D = prompts.x_ND[rows[0]].mean(0) - prompts.x_ND[rows[1]].mean(0)
    assert torch.nn.functional.cosine_similarity(basis_DK[:, 0], difference_D, dim=0).abs() > 0.9999
