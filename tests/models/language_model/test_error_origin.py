"""What a model's own code says when it is proven is a refusal of the model; a mistake of ours stays an error."""

import pytest
from tiny_models import save_tiny
from torch import Tensor

from models.language_model import self_test
from models.language_model.captured_sites import CapturedSites
from models.language_model.hooked_model import HookedModel
from models.language_model.module_map import UnknownArchitecture


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("model"))))


@pytest.mark.parametrize(("place", "name"), [(self_test, "N_TOKENS"), (CapturedSites, "keep")])
def test_a_mistake_of_ours_is_no_refusal(host: HookedModel, monkeypatch: pytest.MonkeyPatch, place: object, name: str):
    """Before the model is run, and in a hook within its own code."""
    monkeypatch.setattr(place, name, None)
    with pytest.raises(TypeError, match="NoneType"):
        host.prove()


def test_what_the_models_code_says_is_a_refusal(host: HookedModel, monkeypatch: pytest.MonkeyPatch):
    def look(x: Tensor) -> Tensor:
        raise TypeError("no picture")

    with monkeypatch.context() as other:
        other.setattr(host.model.transformer.h[1].mlp, "forward", look)
        with pytest.raises(UnknownArchitecture, match=r"does not run on text alone .*TypeError: no picture"):
            host.prove()
    host.prove()


def test_a_block_that_the_model_does_not_run_is_a_refusal(host: HookedModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host.model.transformer.h[2], "forward", lambda x, *_, **__: x)
    with pytest.raises(UnknownArchitecture):
        host.prove()
