"""Tensors are taken in every layout that means one thing, and refused in every other."""

import pytest
import torch

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors, vector_length

SHAPES = {"W_enc": (4, 6), "b_dec": (4,), "k": ()}


def tensors() -> dict[str, torch.Tensor]:
    return {"W_enc": torch.arange(24.0).reshape(4, 6), "b_dec": torch.arange(4.0), "k": torch.tensor(3.0)}


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (1, 4, 1)])
def test_a_vector_may_lie_as_a_row_or_a_column(shape: tuple[int, ...]):
    found = validate_tensors("f", tensors() | {"b_dec": torch.arange(4.0).reshape(shape)}, SHAPES)
    assert torch.equal(found["b_dec"], torch.arange(4.0))
    assert vector_length("f", {"b_dec": torch.zeros(shape)}, "b_dec") == 4


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_a_number_may_lie_as_a_vector_of_one(shape: tuple[int, ...]):
    found = validate_tensors("f", tensors() | {"k": torch.full(shape, 3.0)}, SHAPES)
    assert (found["k"].shape, found["k"].item()) == (torch.Size(()), 3.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"b_dec": torch.zeros(2, 2)}, r"b_dec is \[2, 2\], wanted \[4\]"),
        ({"b_dec": torch.zeros(1, 6)}, r"b_dec is \[1, 6\], wanted \[4\]"),
        ({"b_dec": torch.tensor(1.0)}, r"b_dec is \[\], wanted \[4\]"),
        ({"W_enc": torch.zeros(6, 4)}, r"W_enc is \[6, 4\], wanted \[4, 6\]: it is transposed"),
        ({"W_enc": torch.zeros(1, 4, 6)}, r"W_enc is \[1, 4, 6\], wanted \[4, 6\]"),
        ({"W_enc": torch.zeros(24)}, r"W_enc is \[24\], wanted \[4, 6\]"),
    ],
)
def test_what_could_mean_something_else_is_refused(changed: dict[str, torch.Tensor], said: str):
    with pytest.raises(UnreadableDictionary, match=said):
        validate_tensors("f", tensors() | changed, SHAPES)


def test_a_matrix_of_one_row_is_no_vector():
    with pytest.raises(UnreadableDictionary, match=r"W_enc is \[6, 1\], wanted \[1, 6\]: it is transposed"):
        validate_tensors("f", {"W_enc": torch.zeros(6, 1)}, {"W_enc": (1, 6)})
    with pytest.raises(UnreadableDictionary, match=r"b_dec is \[2, 2\], wanted a vector"):
        vector_length("f", {"b_dec": torch.zeros(2, 2)}, "b_dec")
