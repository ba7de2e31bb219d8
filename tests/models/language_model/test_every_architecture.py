"""docs/models.md says of every type of transformers what the self-test says of it now."""

import re
import warnings
from pathlib import Path

import pytest
import torch
import transformers
from architecture_sweep import made, outcome, swept
from tiny_models import train_tokenizer

from models.language_model.hooked_model import HookedModel
from models.language_model.module_map import UnknownArchitecture
from models.language_model.sites import Site

PAGE = Path(__file__).resolve().parents[3] / "docs" / "models.md"
ROW = re.compile(
    r"^\| `(?P<type>[^`]+)` \| (?P<task>[\w-]+) \| (?P<verdict>[\w ]+) \| (?P<dtypes>[\w ]*) \|", re.MULTILINE
)


def written() -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (row["type"], row["task"]): (row["verdict"], row["dtypes"].strip()) for row in ROW.finditer(PAGE.read_text())
    }


@pytest.mark.slow
def test_the_page_says_what_every_type_does():
    if f"transformers {transformers.__version__}," not in PAGE.read_text():
        pytest.skip(f"docs/models.md was written with another transformers than {transformers.__version__}")
    warnings.filterwarnings("ignore")
    found = [outcome(*named) for named in swept()]
    assert written() == {(one.model_type, one.task): (one.verdict, " ".join(one.dtypes)) for one in found}


@pytest.mark.parametrize("named", [("llama", "causal"), ("qwen3_next", "causal"), ("gemma3", "causal")])
def test_widely_used_types_pass(named: tuple[str, str]):
    found = outcome(*named)
    assert (found.verdict, found.dtypes) == ("passes", ("bfloat16", "float16"))
    assert {"resid_pre", "resid_post", "attn_out", "mlp_out"} <= set(found.said.split(", "))


@pytest.mark.parametrize("model_type", ["qwen2_5_vl", "qwen3_vl", "llava", "internvl", "paligemma"])
def test_a_checkpoint_that_also_sees_is_read_by_its_text(model_type: str, tmp_path: Path):
    """The stream between its text blocks is what the text model by itself says."""
    model = made(model_type, "image-text")
    model.save_pretrained(tmp_path)
    train_tokenizer("plain").save_pretrained(tmp_path)
    host, token_ids = HookedModel.load(str(tmp_path)), torch.tensor([[5, 9, 33, 71, 12]])
    text = model.base_model.language_model
    assert host.n_layers == model.config.get_text_config().num_hidden_layers
    said = text(input_ids=token_ids, output_hidden_states=True).hidden_states
    with host.capture([Site("resid_pre", 0), Site("resid_post", 0), Site("resid_post", 2)]) as found:
        host.forward(token_ids)
    for site, wanted in zip(found.values(), (said[0], said[1], said[3]), strict=True):
        torch.testing.assert_close(site, wanted)


def test_a_model_that_wants_an_image_is_refused(tmp_path: Path):
    from transformers import BlipConfig, BlipForConditionalGeneration

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BlipConfig(
        text_config=sizes | {"vocab_size": 400}, vision_config=sizes | {"image_size": 8, "patch_size": 8}
    )
    BlipForConditionalGeneration(config).save_pretrained(tmp_path)
    train_tokenizer("plain").save_pretrained(tmp_path)
    with pytest.raises(UnknownArchitecture, match=r"does not run on text alone .*pixel_values"):
        HookedModel.load(str(tmp_path))
