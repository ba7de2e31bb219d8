"""Tensors of a file, held against what the file's configuration promises of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


class UnreadableDictionary(ValueError):
    """The files hold no dictionary that can be read. Point at another folder or format, or export it again."""


def validate_tensors(
    where: str, tensors: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The tensors in float32, once they are the ones that were promised: no more, no fewer, finite, and of their shape.

    A vector may lie as a row or a column, [1, D] for [D], and a number as a vector of one. A square matrix that lies
    transposed cannot be seen.

    Args:
        where: The file, as a sentence about it begins.
        shapes: Name and shape of every tensor that the file is to hold.

    Raises:
        UnreadableDictionary: Naming the file, the tensor, what was found and what was wanted.
    """
    for name in sorted(shapes.keys() | tensors.keys()):
        if name not in tensors:
            raise _lacking(where, name, tensors)
        if name not in shapes:
            raise UnreadableDictionary(
                f"{where} holds {name}, which such a dictionary does not have (it has {', '.join(sorted(shapes))}): "
                "correct the configuration beside it, or export the dictionary again"
            )
        _check(where, name, tensors[name], shapes[name])
    return {name: tensors[name].float().reshape(shape) for name, shape in shapes.items()}


def vector_length(where: str, tensors: Mapping[str, Any], name: str) -> int:
    """The length of a vector: the width that a file without a configuration has.

    Raises:
        UnreadableDictionary: If there is no such vector.
    """
    if name not in tensors:
        raise _lacking(where, name, tensors)
    if not isinstance(tensors[name], Tensor) or not _is_vector(tensors[name].shape):
        raise UnreadableDictionary(
            f"{where}: {name} is {list(getattr(tensors[name], 'shape', ()))}, wanted a vector: export it again"
        )
    return tensors[name].numel()


def _is_vector(shape: Sequence[int]) -> bool:
    """Whether all axes but one, at least, have the length 1."""
    return len(shape) > 0 and sum(n != 1 for n in shape) <= 1


def _lacking(where: str, name: str, tensors: Mapping[str, Any]) -> UnreadableDictionary:
    held = ", ".join(sorted(tensors)) or "no tensor"
    return UnreadableDictionary(f"{where} lacks {name}; it holds {held}: export the dictionary again")


def _check(where: str, name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(tensor, Tensor):
        raise UnreadableDictionary(f"{where}: {name} is a {type(tensor).__name__}, wanted a tensor: export it again")
    found = tuple(tensor.shape)
    is_flat = len(shape) <= 1 and tensor.numel() == math.prod(shape) and (_is_vector(found) or not found)
    if found != shape and not is_flat:
        hint = "it is transposed" if found == shape[::-1] else "its width is another than the dictionary's"
        raise UnreadableDictionary(f"{where}: {name} is {list(found)}, wanted {list(shape)}: {hint}")
    if not tensor.is_floating_point():
        raise UnreadableDictionary(
            f"{where}: {name} is {tensor.dtype}, wanted floating point: export it again as float32"
        )
    if not tensor.isfinite().all():
        raise UnreadableDictionary(f"{where}: {name} holds NaN or Inf: train the dictionary again")
