"""Whether two names mean the same model: the hub's, TransformerLens's, a folder's."""

import posixpath
import re
from dataclasses import dataclass

from storage.revisions import is_folder

_TRANSFORMER_LENS = {
    "gpt2-small": "gpt2",
    "llama-2-7b": "llama-2-7b-hf",
    "llama-2-13b": "llama-2-13b-hf",
    "mistral-7b": "mistral-7b-v0.1",
    "mistral-7b-instruct": "mistral-7b-instruct-v0.1",
    "phi-3": "phi-3-mini-4k-instruct",
    "tiny-stories-1l-21m": "tinystories-1layer-21m",
    "tiny-stories-2l-33m": "tinystories-2layers-33m",
    "tiny-stories-instruct-1l-21m": "tinystories-instuct-1layer-21m",  # so it is spelt on the hub
    "tiny-stories-instruct-2l-33m": "tinystories-instruct-2layers-33m",
    **{f"llama-2-{size}b-chat": f"llama-2-{size}b-chat-hf" for size in (7, 13, 70)},
    **{f"tiny-stories-{size}m": f"tinystories-{size}m" for size in (1, 3, 8, 28, 33)},
    **{f"tiny-stories-instruct-{size}m": f"tinystories-instruct-{size}m" for size in (1, 3, 8, 28, 33)},
    **{f"qwen-1.8b{chat}": f"qwen-1-8b{chat}" for chat in ("", "-chat")},
    **{f"gelu-{n}l": f"gelu-{n}l512w-c4-code" for n in (1, 2, 3, 4)},
}
"""Short names that TransformerLens has for models of the hub, where more than the organisation is left out."""
_CACHED = re.compile(r"models--(?P<organisation>[^/]+?)--(?P<name>[^/]+)/snapshots/[^/]+/?$")
_ON_HUB = re.compile(r"(?P<organisation>[\w-][\w.-]*)/(?P<name>[\w.-]+)")
_OF_NO_MODEL = re.compile(
    r"(hf-|pytorch-|base-|merged-|my-)?(models?|weights?|checkpoints?|ckpts?|final|best|last|latest|merged|out|outputs?"
    r"|results?|run|export|snapshots?|hf|main|demo|test)([-.]?\d+)?|(step|epoch|iter|global-step)[-.]?\d+|[0-9a-f]{7,64}|\d+"
)
"""Names that folders of many models have, a commit's among them."""


def is_same_model(named: str, source: str) -> bool:
    """Whether a name in a file of another library means the model of a card.

    Case, `_` for `-` and TransformerLens's short names make no difference; nor does an organisation that only one of
    them names, as a folder never does, unless the folder is called as those of many models are (`final`). All else
    does: `-deduped`, `-it`, a size, another organisation's copy.

    Args:
        named: What the file says, of folders of another machine maybe.
        source: Of the card.
    """
    if _normal(named) == _normal(source):
        return True
    one, other = _Name.of(named, is_folder=False), _Name.of(source, is_folder=is_folder(source))
    if one.name != other.name:
        return False
    if one.organisation and other.organisation:
        return one.organisation == other.organisation
    return _OF_NO_MODEL.fullmatch(one.name) is None


def _normal(text: str) -> str:
    return text.rstrip("/") if "://" in text else posixpath.normpath(text)


@dataclass(frozen=True, slots=True)
class _Name:
    organisation: str
    """Empty where none is named."""
    name: str

    @classmethod
    def of(cls, text: str, *, is_folder: bool) -> "_Name":
        match = _CACHED.search(text) or (None if is_folder else _ON_HUB.fullmatch(text))
        organisation, name = match.group("organisation", "name") if match else ("", text.rstrip("/").rpartition("/")[2])
        name = name.lower().replace("_", "-")
        return cls(organisation.lower(), _TRANSFORMER_LENS.get(name, name))
