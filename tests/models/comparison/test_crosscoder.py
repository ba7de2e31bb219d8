"""A planted pair of models: features of both, of either alone, weak in the first; a crosscoder tells which is which."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from models.activations.held_activations import HeldActivations
from models.comparison.crosscoder import BatchTopKCrosscoder, L1Crosscoder
from models.comparison.crosscoder_features import crosscoder_kinds, evened_norms, relative_norms
from models.comparison.crosscoder_training import TrainedCrosscoder, train_crosscoder
from models.comparison.latent_scaling import LatentScaling, LatentSums, latent_scaling
from models.dictionaries.normalization import Normalization
from models.training.config import TrainingSettings

D, SHARED, OWN, OTHER, WEAK, RATE = 32, 24, 6, 6, 6, 0.06
KINDS = ["shared"] * SHARED + ["own"] * OWN + ["other"] * OTHER + ["weak"] * WEAK


@dataclass(frozen=True)
class Planted:
    """Two models' activations, and each planted feature's direction in either (zero where it has none)."""

    x_TE: Tensor
    directions_SFD: Tensor


def planted(n: int, seed: int = 0, *, same_weak_direction: bool = False) -> Planted:
    """Features fire on 6 % of the tokens; a weak one has a norm of .3 in the first model."""
    chance = torch.Generator().manual_seed(seed)
    unit_SFD = torch.nn.functional.normalize(torch.randn(2, len(KINDS), D, generator=chance), dim=2)
    if same_weak_direction:
        unit_SFD[0, -WEAK:] = unit_SFD[1, -WEAK:]
    norm = {"shared": (1.0, 1.0), "own": (1.0, 0.0), "other": (0.0, 1.0), "weak": (0.3, 1.0)}
    directions_SFD = unit_SFD * torch.tensor([norm[kind] for kind in KINDS]).T[:, :, None]
    fires = torch.rand(n, len(KINDS), generator=chance) < RATE
    acts = fires * (0.5 + torch.rand(n, len(KINDS), generator=chance))
    x = torch.cat([acts @ side for side in directions_SFD], dim=1)
    return Planted(x + 0.01 * torch.randn(x.shape, generator=chance), directions_SFD)


def found(world: Planted, crosscoder: TrainedCrosscoder) -> dict[int, int]:
    """The likest feature of each planted one, by cosine of both sides' directions together, where it is above .9."""
    scale = torch.tensor([scaling.scale for scaling in crosscoder.scalings])[:, None, None]
    joint_GE = torch.cat(list(world.directions_SFD * scale), dim=1)
    cosine_GF = (
        torch.nn.functional.normalize(joint_GE, dim=1) @ torch.nn.functional.normalize(crosscoder.decoder_FE, dim=1).T
    )
    best = cosine_GF.max(dim=1)
    return {number: int(best.indices[number]) for number in range(len(KINDS)) if best.values[number] > 0.9}


def counted(world: Planted, crosscoder: TrainedCrosscoder) -> dict[str, int]:
    numbers = found(world, crosscoder)
    return {kind: sum(KINDS[number] == kind for number in numbers) for kind in dict.fromkeys(KINDS)}


def deltas(world: Planted, crosscoder: TrainedCrosscoder, kind: str) -> list[float]:
    delta_F = evened_norms(crosscoder.norms_SF(), torch.ones(crosscoder.n_features, dtype=torch.bool))
    return [float(delta_F[feature]) for number, feature in found(world, crosscoder).items() if KINDS[number] == kind]


@pytest.mark.slow
def test_planted_features_are_found_and_given_to_their_side():
    """The reference: with AuxK 21 of 24 shared, 4 to 6 of 6 of either side, 3 of 6 weak."""
    world = planted(60_000)
    training = TrainingSettings(tokens=512 * 3000, batch_tokens=512, learning_rate=0.01)
    crosscoder = train_crosscoder(HeldActivations(world.x_TE, (D, D)), "batchtopk", 64, 3, training)
    n = counted(world, crosscoder)
    assert n["shared"] >= 22
    assert min(n["own"], n["other"], n["weak"]) >= 5
    assert all(0.35 < delta < 0.65 for delta in deltas(world, crosscoder, "shared"))
    assert all(delta < 0.1 for delta in deltas(world, crosscoder, "own"))
    assert all(delta > 0.9 for delta in deltas(world, crosscoder, "other"))
    assert all(delta < 0.93 for delta in deltas(world, crosscoder, "weak"))


def test_a_penalty_takes_weak_rows_away_and_latent_scaling_does_not_believe_it():
    """The reference: by L1 all 42 found, exclusives exactly at 0 and 1, weak ones at 1 where the penalty is strong.
    Here it is: fewer are to fire than do."""
    world = planted(8_000)
    training = TrainingSettings(tokens=256 * 250, batch_tokens=256, learning_rate=0.02)
    crosscoder = train_crosscoder(HeldActivations(world.x_TE, (D, D)), "l1", 64, 2, training)
    n = counted(world, crosscoder)
    assert n["shared"] >= 20
    assert min(n["own"], n["other"], n["weak"]) >= 5
    assert all(delta < 0.01 for delta in deltas(world, crosscoder, "own"))
    assert all(delta > 0.97 for kind in ("other", "weak") for delta in deltas(world, crosscoder, kind))
    scaling = latent_scaling(LatentSums.of(crosscoder, world.x_TE), crosscoder)
    numbers = found(world, crosscoder)
    nu = {
        kind: [float(scaling.nu_vector_F[feature]) for number, feature in numbers.items() if KINDS[number] == kind]
        for kind in ("own", "other", "weak")
    }
    assert min(nu["weak"]) > 1.5 * max(nu["other"]), nu


def by_hand(world: Planted, shrunk: bool) -> TrainedCrosscoder:
    """A crosscoder that has the planted directions and nothing else; `shrunk`: weak features have no row in the first
    model, as a strong penalty makes it."""
    directions_SFD = world.directions_SFD.clone()
    if shrunk:
        directions_SFD[0, -WEAK:] = 0
    decoder_FE = torch.cat(list(directions_SFD), dim=1)
    n, zero = len(KINDS), torch.zeros(len(KINDS))
    return TrainedCrosscoder(
        torch.linalg.pinv(torch.cat(list(world.directions_SFD), dim=1)).T.contiguous(),
        zero,
        torch.full((n,), 0.25),
        decoder_FE,
        torch.zeros(2 * D),
        (Normalization(torch.zeros(D), 1.0), Normalization(torch.zeros(D), 1.0)),
    )


@pytest.mark.parametrize("same_direction", [True, False])
def test_latent_scaling_sees_what_the_penalty_shrank_away(same_direction: bool):
    """A weak feature whose first row was taken away: along the second row's direction its error is .3 where both models
    write one direction, near 0 where they do not (blind), and in all directions .3 either way."""
    world = planted(20_000, same_weak_direction=same_direction)
    crosscoder = by_hand(world, shrunk=True)
    sums = LatentSums.zero(len(KINDS), D)
    for x_TE in world.x_TE.split(7_000):
        sums = sums + LatentSums.of(crosscoder, x_TE)
    scaling = latent_scaling(sums, crosscoder)
    weak = slice(-WEAK, None)
    # Other weak features fire beside at 6 %, each with .3 of its own direction: a hundredth or two here.
    assert scaling.nu_vector_F[weak] == pytest.approx([0.3] * WEAK, abs=0.05)
    if same_direction:
        assert scaling.nu_error_F[weak] == pytest.approx([0.3] * WEAK, abs=0.05)
    else:
        cosine_W = torch.linalg.vecdot(world.directions_SFD[0, weak], world.directions_SFD[1, weak])
        assert scaling.nu_error_F[weak] == pytest.approx(cosine_W.tolist(), abs=0.05)
    exclusive = slice(SHARED, SHARED + OWN + OTHER)
    assert scaling.nu_error_F[exclusive].abs().max() < 0.05
    assert scaling.nu_vector_F[exclusive].max() < 0.1
    kinds = crosscoder_kinds(relative_norms(crosscoder.norms_SF()), scaling)
    assert kinds.kinds == ["shared"] * SHARED + ["own"] * OWN + ["other"] * (OTHER + WEAK)
    assert not kinds.is_believed_F[weak].any(), "what is in the error of the other side is of both"
    assert kinds.is_believed_F[exclusive].all()


def test_sums_of_parts_are_the_sums_and_agree_with_the_formulas_written_out():
    world = planted(600)
    crosscoder = by_hand(world, shrunk=False)
    whole = LatentSums.of(crosscoder, world.x_TE)
    parts = LatentSums.of(crosscoder, world.x_TE[:250]) + LatentSums.of(crosscoder, world.x_TE[250:])
    torch.testing.assert_close(parts.errors_SFD, whole.errors_SFD, rtol=1e-4, atol=1e-6)
    assert parts.fvu_S() == pytest.approx(whole.fvu_S(), rel=1e-6)
    x_TE, f_TF = world.x_TE.double(), crosscoder.encode(world.x_TE).dense().double()
    decoder_FE = crosscoder.decoder_FE.double()
    feature = 30  # of the second model alone
    row_D, acts_T = decoder_FE[feature, D:], f_TF[:, feature]
    error_TE, size = x_TE - f_TF @ decoder_FE, (acts_T**2).sum() * (row_D @ row_D)
    major = (acts_T @ (error_TE[:, D:] + acts_T[:, None] * row_D)) @ row_D / size
    wanted = (acts_T @ error_TE[:, :D]) @ row_D / size / major
    assert float(latent_scaling(whole, crosscoder).nu_error_F[feature]) == pytest.approx(float(wanted), rel=1e-4)
    fvu = [(error_TE[:, side] ** 2).sum() / ((x_TE[:, side] - x_TE[:, side].mean(0)) ** 2).sum() for side in SIDES]
    assert whole.fvu_S() == pytest.approx([float(each) for each in fvu], rel=1e-5)


SIDES = (slice(0, D), slice(D, 2 * D))


@pytest.mark.parametrize("kind", [BatchTopKCrosscoder, L1Crosscoder])
def test_what_a_feature_costs_is_the_sum_of_both_rows(kind: type[BatchTopKCrosscoder] | type[L1Crosscoder]):
    module = kind.of_widths((3, 2), 4, 2, torch.Generator().manual_seed(0))
    rows = module.W_dec.detach()
    assert module.cost_F.tolist() == pytest.approx([float(r[:3].norm() + r[3:].norm()) for r in rows])


def test_a_shorter_training_already_sorts_the_sides():
    """The slow test's little twin."""
    world = planted(8_000)
    training = TrainingSettings(tokens=256 * 250, batch_tokens=256, learning_rate=0.02)
    crosscoder = train_crosscoder(HeldActivations(world.x_TE.half(), (D, D)), "batchtopk", 64, 3, training)
    n = counted(world, crosscoder)
    assert n["shared"] >= 8, n
    again = train_crosscoder(HeldActivations(world.x_TE.half(), (D, D)), "batchtopk", 64, 3, training)
    assert torch.equal(again.decoder_FE, crosscoder.decoder_FE), "equal seeds give equal bits"
    fvu = LatentSums.of(crosscoder, world.x_TE).fvu_S()
    shuffled = replace(world, x_TE=torch.cat([world.x_TE[:, :D], world.x_TE[torch.randperm(8_000), D:]], dim=1))
    assert max(fvu) < 0.4, fvu
    assert min(LatentSums.of(crosscoder, shuffled.x_TE).fvu_S()) > 1.5 * max(fvu), "sides of other tokens do not fit"


def test_the_batch_keeps_what_counts_most_by_activation_times_cost():
    """A row of norm 5 on either side is worth ten times one of .5 on either, and its activation is read as it is."""
    chance = torch.Generator().manual_seed(0)
    module = BatchTopKCrosscoder.of_widths((3, 2), 4, 2, chance)
    module.W_dec.data *= torch.tensor([[5.0], [0.5], [1.0], [2.0]])
    module.b_enc.data = torch.tensor([0.3, -0.2, 0.1, 0.0])
    x_TE = torch.randn(20, 5, generator=chance)
    with torch.no_grad():
        pre_TF = (x_TE - module.centre_D) @ module.W_enc + module.b_enc
        worth_TF = pre_TF.relu() * module.cost_F
        least = worth_TF.flatten().topk(20 * 2).values[-1]
        wanted_TF = torch.where(worth_TF >= least, pre_TF, 0.0)
        torch.testing.assert_close(module.encode(x_TE).dense(), wanted_TF)
        torch.testing.assert_close(module.levels_F(x_TE), least / module.cost_F)


def test_sides_are_made_even_by_the_live_features_of_both():
    """The first side's rows are twice as long throughout; dead features, and those of one side, do not say so."""
    shared, own, other, dead = [[2.0, 1.0]] * 3, [[2.0, 0.0]] * 5, [[0.0, 1.0]] * 5, [[1.0, 1.0]] * 9
    norm_SF = torch.tensor([*shared, *own, *other, *dead]).T
    alive_F = torch.arange(norm_SF.shape[1]) < 13
    assert relative_norms(norm_SF)[:3].tolist() == pytest.approx([0.25] * 3)
    assert evened_norms(norm_SF, alive_F)[:13].tolist() == pytest.approx([0.5] * 3 + [0.0] * 5 + [1.0] * 5)
    assert torch.equal(evened_norms(norm_SF, alive_F & (norm_SF.amin(0) == 0)), relative_norms(norm_SF))


def test_every_ratio_of_latent_scaling_is_the_formula_written_out():
    """Rows of other lengths, a centre that is not 0: what a test of unit rows around 0 cannot tell."""
    world, chance = planted(900), torch.Generator().manual_seed(5)
    plain = by_hand(world, shrunk=False)
    longer_F1 = 0.5 + 2 * torch.rand(len(KINDS), 1, generator=chance)
    side_E = torch.cat([torch.full((D,), 0.8), torch.ones(D)])
    centre_E = 0.2 * torch.randn(2 * D, generator=chance)
    crosscoder = replace(plain, decoder_FE=plain.decoder_FE * longer_F1 * side_E, centre_E=centre_E)
    x_TE, decoder_FE = world.x_TE.double(), crosscoder.decoder_FE.double()
    pre_TF = (x_TE - centre_E) @ crosscoder.encoder_FE.double().T
    f_TF = torch.where(pre_TF > 0.25, pre_TF, 0.0)
    written_TE = f_TF @ decoder_FE
    sides = {
        side: (decoder_FE[:, at], written_TE[:, at], (x_TE - centre_E - written_TE)[:, at])
        for side, at in enumerate(SIDES)
    }
    wanted = []
    for feature in range(len(KINDS)):
        f_T = f_TF[:, feature]
        major = max(sides, key=lambda side: float(sides[side][0][feature].norm()))
        d, (_, own_written, own_error), (_, written, error) = sides[major][0][feature], sides[major], sides[1 - major]
        size = (f_T**2).sum() * d.norm()
        beta = [float((f_T @ y) @ d / (size * d.norm())) for y in (error, own_error, written, own_written)]
        vector, noise = (f_T @ error).norm() / size, (f_T**2 @ (error**2).sum(1)).sqrt() / size
        beyond = max(0.0, float(vector**2 - noise**2)) ** 0.5
        wanted.append([beta[0] / (beta[1] + 1), beta[2] / beta[3], float(vector), float(noise), beyond])
    got = latent_scaling(LatentSums.of(crosscoder, world.x_TE), crosscoder)
    columns = (got.nu_error_F, got.nu_reconstruction_F, got.nu_vector_F, got.nu_vector_chance_F)
    torch.testing.assert_close(
        torch.stack([*columns, got.nu_vector_beyond_chance_F], 1),
        torch.tensor(wanted, dtype=torch.float64),
        rtol=1e-3,
        atol=1e-4,
    )


def test_a_feature_of_one_side_is_believed_where_neither_error_nor_reconstruction_has_it():
    cases = [  # delta, error, reconstruction, in all directions, by chance: kind, believed
        (0.0, 0.0, 0.0, 0.0, 0.0, "own", True),
        (1.0, 0.1, 0.4, 0.1, 0.0, "other", True),
        (1.0, 0.3, 0.0, 0.0, 0.0, "other", False),
        (1.0, 0.0, 0.6, 0.0, 0.0, "other", False),
        (1.0, 0.0, 0.0, 0.5, 0.3, "other", False),
        (1.0, 0.0, 0.0, 0.5, 0.49, "other", True),
        (0.5, 0.0, 0.0, 0.0, 0.0, "shared", False),
        (0.3, 0.0, 0.0, 0.0, 0.0, "between", False),
    ]
    delta, *scaling = (torch.tensor(column) for column in list(zip(*cases, strict=True))[:5])
    found = crosscoder_kinds(delta, LatentScaling(*scaling))
    assert list(zip(found.kinds, found.is_believed_F.tolist(), strict=True)) == [case[5:] for case in cases]
