"""The largest values of each row, ties to the lower column.

Axes: B rows, X columns, N kept.
"""

from torch import Tensor


def stable_topk(values_BX: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Values and columns of the n largest of each row, descending; all of them where a row has fewer.

    `topk` alone breaks ties as it likes: rows in which a value that is kept equals one that is not are looked at again.
    """
    width = values_BX.shape[1]
    n = min(n, width)
    values_BN, columns_BN = values_BX.topk(min(n + 1, width), dim=1)
    tied = (values_BN[:, n - 1] == values_BN[:, n]).nonzero()[:, 0].tolist() if n < width else []
    values_BN, columns_BN = values_BN[:, :n].clone(), columns_BN[:, :n].clone()
    for row in tied:
        columns = (values_BX[row] >= values_BN[row, -1]).nonzero()[:, 0]
        columns_BN[row] = columns[values_BX[row, columns].sort(descending=True, stable=True).indices[:n]]
    columns_BN = columns_BN.sort(dim=1).values
    values_BN, order_BN = values_BX.gather(1, columns_BN).sort(dim=1, descending=True, stable=True)
    return values_BN, columns_BN.gather(1, order_BN)
