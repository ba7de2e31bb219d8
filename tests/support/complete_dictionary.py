"""A dictionary that leaves nothing out: a feature for either sign of every coordinate."""

import torch

from models.dictionaries.architectures.topk import TopKSAE


def complete_dictionary(width: int) -> TopKSAE:
    """Feature i is coordinate i where it is positive, feature width + i its opposite where it is negative."""
    directions = torch.cat([torch.eye(width), -torch.eye(width)])
    tensors = {
        "W_enc": directions.T.contiguous(),
        "W_dec": directions,
        "b_enc": torch.zeros(2 * width),
        "b_dec": torch.zeros(width),
    }
    return TopKSAE(tensors, {"k": width})
