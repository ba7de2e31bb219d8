"""Mean and scale of a stream of activations."""

import pytest
import torch

from models.dictionaries.normalization import RunningMoments, fit_normalization


@pytest.fixture
def x_TD() -> torch.Tensor:
    chance = torch.Generator().manual_seed(0)
    return 7 * torch.randn(10_000, 12, generator=chance) + 100 * torch.randn(12, generator=chance)


def test_scaled_activations_have_mean_zero_and_mean_squared_norm_of_the_width(x_TD: torch.Tensor) -> None:
    (scaling,) = fit_normalization(x_TD.split(999), 12)
    y_TD = scaling.apply(x_TD).double()
    assert y_TD.mean(0).abs().max() < 1e-4
    assert float(y_TD.square().sum(1).mean()) == pytest.approx(12, rel=1e-5)
    torch.testing.assert_close(scaling.undo(scaling.apply(x_TD)), x_TD)


def test_the_sums_do_not_depend_on_how_the_stream_is_cut(x_TD: torch.Tensor) -> None:
    (cut,), (whole,) = fit_normalization(x_TD.split(17), 12), fit_normalization([x_TD], 12)
    torch.testing.assert_close(cut.mean_D, whole.mean_D)
    assert cut.scale == pytest.approx(whole.scale, rel=1e-12)


def test_bfloat16_is_summed_in_float64() -> None:
    x_TD = torch.full((100_001, 2), 1.0, dtype=torch.bfloat16)
    x_TD[::2] = 3.0
    moments = RunningMoments.of(x_TD)
    assert moments.sum_D.tolist() == [200_003.0, 200_003.0]
    assert moments.squares == pytest.approx(2 * (50_001 * 9 + 50_000), rel=1e-12)


def test_variation_is_the_sum_of_squared_distances_from_the_mean(x_TD: torch.Tensor) -> None:
    wanted = float((x_TD.double() - x_TD.double().mean(0)).square().sum())
    assert RunningMoments.of(x_TD).variation == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "no training token"),
        ([torch.ones(5, 3)], "are equal"),
        ([torch.tensor([[1.0, 2.0, float("nan")]])], "NaN or Inf"),
        ([torch.randn(4, 3), torch.full((1, 3), float("inf"))], "NaN or Inf"),
        ([torch.ones(5, 4)], "width 4 came where 3"),
    ],
)
def test_a_stream_that_teaches_nothing_is_refused(chunks: list[torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_normalization(chunks, 3)
