"""The paths gone backwards by hand against autograd's, target by target, on families whose blocks add otherwise."""

import pytest
import torch
from random_transcoders import in_float64, random_cross_layer, read_at
from tiny_models import save_tiny

from models.attribution.graphs.linear_paths import LinearPaths
from models.attribution.graphs.stream_paths import StreamPaths, stream_sites
from models.attribution.graphs.transcoded_prompt import ModelTranscoders, TranscodedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

TOKENS = (0, 9, 17, 30, 12, 44, 9)


Recorded = tuple[HookedModel, LinearPaths, list[Site], TranscodedPrompt]


@pytest.fixture(scope="module", params=["gpt2", "qwen3", "gpt_neox"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp(request.param)
    host = in_float64(HookedModel.load(str(save_tiny(request.param, folder)), device="cpu"))
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    prompt = TranscodedPrompt.of(host, model, TOKENS, 1)
    paths = LinearPaths.of(host, prompt, *stream_sites(host.n_layers))
    return host, paths, [*model.read.values(), Site("final_norm_in")], prompt


def test_every_path_is_found_and_as_long_as_autograds(recorded: Recorded) -> None:
    host, paths, stages, prompt = recorded
    stream = StreamPaths.of(paths, stages, prompt.pattern)
    assert stream is not None, "autograd would do it all"
    position_B = torch.tensor([4, 1, 4])
    for stage in stages:
        direction_BD = torch.randn(3, host.d_model, dtype=torch.float64)
        wanted, found = (
            paths.gradients(stage, position_B, direction_BD),
            stream.gradients(stage, position_B, direction_BD),
        )
        for layer, found_PBD in found:
            wanted_PBD = wanted.pop(layer)
            torch.testing.assert_close(found_PBD, wanted_PBD[:5], rtol=0, atol=1e-12)
            assert not wanted_PBD[5:].any(), "no source stands behind the last target"
        assert not wanted


def test_paths_that_are_not_autograds_are_left_to_autograd(recorded: Recorded) -> None:
    _, paths, stages, prompt = recorded
    wrong = {site: pattern.flip(1) for site, pattern in prompt.pattern.items()}
    assert StreamPaths.of(paths, stages, wrong) is None, "heads that ask for each other"
