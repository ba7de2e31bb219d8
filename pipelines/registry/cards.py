"""Model cards and recipes: the YAML a user edits, as frozen values that refuse what they do not know."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from models.autointerp.config import ExplanationSettings
from models.bounds import Bounds, TokenCount
from models.config_base import MethodSettings, Settings
from models.dictionaries.config import SAESettings
from models.evaluation.config import QualityBounds
from models.features.config import StatisticsSettings
from models.language_model.site_by_block import checked_name, in_block, names_blocks, parse_blocks
from models.training.config import TrainingSettings
from pipelines.registry.card_errors import error_messages
from pipelines.registry.card_yaml import MOST_BYTES, InvalidCard, read_yaml, too_large
from pipelines.registry.method_sections import with_method_sections
from storage.folder import Folder
from storage.manifest import sha256_of

C = TypeVar("C", bound=BaseModel)
M = TypeVar("M", bound=MethodSettings)
LONGEST_CONTEXT = 2**24
OF_TEXT = ("prepend_bos", "skip_first")
"""Fields of a model card that mean something to text alone."""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_id(text: str) -> bool:
    """Whether a text may become part of a path."""
    return _ID.fullmatch(text) is not None


def checked_id(text: str) -> str:
    """An id that may become part of a path.

    Raises:
        ValueError: If it is not lower-case letters, digits, `.`, `_`, `-`, beginning with a letter or digit, at most
        64 long.
    """
    if not is_id(text):
        raise ValueError(
            f"id {text!r} is refused: use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit; "
            "rename the file"
        )
    return text


class CorpusCard(Settings):
    """What the model reads."""

    source: str = Field(examples=["stdlib"])
    """`stdlib`, a file, folder or glob of text, JSONL, JSON, CSV or Parquet, or `hf:name[/config][:split]`."""
    tokens: TokenCount = 1_000_000
    """Maximum text tokens; special tokens are not counted."""
    context_length: Annotated[int, Bounds(1, LONGEST_CONTEXT)] = 128
    """Tokens per context, special tokens included."""
    text_column: str = "text"
    """Column of rows that holds text, conversations (for the model's chat template) or token ids."""
    special_strings: Literal["text", "tokens"] = "text"
    """What the name of a special token inside a text is, such as `<s>`: text like any other, or the token."""
    tokenizer_sha256: str | None = None
    """Of the tokenizer that made the token ids; they are read only if it is the model's."""

    @property
    def corpus_id(self) -> str:
        """A name that can be read, made unique by a hash of everything asked for."""
        return corpus_id_of(self.source, self)


class ImagesCard(Settings):
    """The images that a vision model sees."""

    source: str = Field(examples=["pictures"])
    """A folder or glob of image files (PNG, JPEG, WebP, GIF, BMP, TIFF, PPM), Parquet with a column of images, or
    `hf:name[/config][:split]`."""
    column: str = "image"
    """Column of rows that holds the bytes of an image, alone or in a struct as `datasets` writes it."""
    label: str | None = None
    """Column of rows that says what an image shows; `folder`: the folder that a file lies in."""
    caption: str | None = None
    """Column of rows that describes an image."""
    max_images: Annotated[int, Bounds(2, 10**9)] = 10_000
    """Maximum images, copies of one another counted once."""
    kinds: tuple[Literal["cls", "register", "patch"], ...] = ("patch",)
    """Positions that are read: patches, or positions of a convolutional map. CLS and registers are of another kind, as
    BOS is in text: read them by a model card of their own."""

    @model_validator(mode="after")
    def _some_kinds(self) -> Self:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise ValueError(
                f"kinds={list(self.kinds)} were given: name one or more of cls, register, patch, once each"
            )
        return self

    @property
    def corpus_id(self) -> str:
        """As `CorpusCard.corpus_id`."""
        return corpus_id_of(self.source, self)


def corpus_id_of(source: str, card: Settings) -> str:
    """A name that can be read, made unique by a hash of everything asked for."""
    last = source.lower().rstrip("/").rsplit("/", 1)[-1]
    stem = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:40].rstrip("-") or "corpus"
    return f"{stem}-{sha256_of(card.model_dump())[:8]}"


class ModelCard(Settings):
    """One Hugging Face model at one revision, and the corpus that it reads. The file's stem is the model_id."""

    source: str = Field(examples=["models/demo"])
    """Hub repository, local folder (relative to where Glasshouse is started), or `s3://…`."""
    revision: str | None = None
    """Branch, tag or commit on the hub; resolved to a commit and recorded."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Dtype in which the model computes."""
    shard_dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Dtype in which activations are stored."""
    corpus: CorpusCard
    prepend_bos: Literal["auto"] | bool | str = "auto"
    """What stands before each context: the tokenizer's BOS (true), none (false), or a token by name. `auto`: what the
    tokenizer itself adds; where it adds nothing, the one of nothing, BOS and EOS that leaves no attention sink in the
    text."""
    skip_first: Literal["auto"] | Annotated[int, Bounds(0, LONGEST_CONTEXT)] = "auto"
    """First text tokens of each context that are fed but not read. `auto`: as many as are attention sinks."""
    max_norm: Literal["auto"] | Annotated[float, Bounds(1, 1e9)] | None = "auto"
    """Activations of a norm beyond so many times the site's median are left out; null: none. `auto`: beyond three times
    the 99th percentile, at most ten medians."""
    recipes: Literal["all"] | list[Annotated[str, AfterValidator(checked_id)]] = "all"
    """Recipes that run on this model: `all`, or a list of recipe ids."""

    @classmethod
    def card_class(cls, values: dict[Any, Any]) -> type[Settings]:
        """A card that gives images is one of a vision model."""
        return VisionModelCard if "images" in values else cls

    @property
    def images_seen(self) -> ImagesCard | None:
        """The images of a vision model; None where the model reads text."""
        return None

    @property
    def corpus_id(self) -> str:
        """Of what the model reads or sees."""
        return self.corpus.corpus_id

    @property
    def corpus_source(self) -> str:
        """Where what it reads or sees comes from."""
        return self.corpus.source

    @property
    def context_length(self) -> int | None:
        """Tokens per context; None where the model sees images, whose positions its sites say."""
        return self.corpus.context_length


class VisionModelCard(ModelCard):
    """One vision model of Hugging Face at one revision, and the images that it sees: `images:` stands in place of
    `corpus:`. The file's stem is the model_id."""

    corpus: None = None  # type: ignore[assignment]
    """A vision model has none."""
    images: ImagesCard

    @model_validator(mode="before")
    @classmethod
    def _no_text(cls, values: Any) -> Any:
        if isinstance(values, dict) and (
            given := [key for key in ("corpus", *OF_TEXT) if values.get(key) not in (None, "auto")]
        ):
            raise ValueError(
                f"images and {', '.join(given)} were given: a vision model has images, a language model a corpus; keep "
                "what the model reads"
            )
        return values

    @property
    def images_seen(self) -> ImagesCard:
        return self.images

    @property
    def corpus_id(self) -> str:
        return self.images.corpus_id

    @property
    def corpus_source(self) -> str:
        return self.images.source

    @property
    def context_length(self) -> int | None:
        return None


class RecipeCore(Settings):
    """Site, dictionary, training, statistics, labels: what is done to any model. The file's stem is the recipe_id."""

    site: Annotated[str, AfterValidator(checked_name)] = Field(examples=["resid_post.@0.5"])
    """Where activations are read: resid_pre, resid_mid, resid_post, attn_out, mlp_in, mlp_act or mlp_out with a block
    (`resid_post.6`), a fraction of any model's depth (`resid_post.@0.5`) or every block of `layers` (`mlp_in.*`); or
    embed."""
    sae: SAESettings
    layers: Annotated[tuple[Annotated[int, Bounds(0, 9_999)], ...] | None, BeforeValidator(parse_blocks)] = None
    """Blocks of a site such as `mlp_in.*`, a range such as 0-4 or a list: a dictionary each, called
    `<recipe_id>.<block>`, all trained from one reading of the activations."""
    training: TrainingSettings = TrainingSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    explanations: ExplanationSettings = ExplanationSettings()
    quality_bounds: QualityBounds = QualityBounds()

    @model_validator(mode="after")
    def _blocks_as_sites(self) -> Self:
        sites, several = self.sites, self.layers is not None
        for key, site in zip(("site", "sae.output_site"), sites, strict=False):
            if names_blocks(site) != several:
                wanted = f"{site.split('.')[0]}.*, for there are layers" if several else "layers beside it, such as 0-4"
                raise ValueError(f"{key}={site} was given, wanted {wanted}")
        if self.sae.architecture == "cross_layer_transcoder" and not (several and len(sites) == 2):
            raise ValueError(
                "a cross_layer_transcoder reads and writes several blocks: give site (mlp_in.*), layers (0-4) and "
                "sae.output_site (mlp_out.*)"
            )
        return self

    @property
    def sites(self) -> list[str]:
        """Where activations are wanted: the site that is read, and one that a transcoder writes."""
        return [self.site] + ([self.sae.output_site] if self.sae.output_site else [])

    def by_block(self, recipe_id: str) -> "dict[str, Self]":
        """The recipe of each dictionary that is asked for, by its id: one for each block of `layers`, or itself."""
        if self.layers is None:
            return {recipe_id: self}
        return {checked_id(f"{recipe_id}.{block}"): self._in_block(block) for block in self.layers}

    def _in_block(self, block: int) -> Self:
        known = {"output_site": self.sae.output_site, "imported": self.sae.imported}
        places = {"output_site": in_block, "imported": lambda text, block: text.replace("{layer}", str(block))}
        sae = self.sae.model_copy(update={name: places[name](text, block) for name, text in known.items() if text})
        return self.model_copy(update={"site": in_block(self.site, block), "sae": sae})

    def section(self, kind: type[M]) -> M:
        """The section that a method brings."""
        return getattr(self, kind.section)


if TYPE_CHECKING:
    RecipeCard = RecipeCore
else:
    RecipeCard = with_method_sections("RecipeCard", RecipeCore)


def read_card(kind: type[C], file: str, text: str) -> C:
    """Reads one YAML card.

    Raises:
        InvalidCard: Naming file, line and key, what was found and what was wanted.
    """
    return cast(C, _card(kind, file, text))


@lru_cache(maxsize=1024)
def _card(kind: type[Any], file: str, text: str) -> Any:
    """A card is a value: the same text is read once, however often a registry is."""
    node, values = read_yaml(file, text)
    exact = kind.card_class(values) if issubclass(kind, Settings) else kind
    try:
        return exact.model_validate(values)
    except ValidationError as error:
        raise InvalidCard(error_messages(exact, file, node, error)) from error


def read_card_file(kind: type[C], folder: Folder, name: str) -> C:
    """Reads one card of a folder; one that is too large is not read at all.

    Raises:
        InvalidCard: As `read_card`.
    """
    file = f"{folder}/{name}"
    if folder.size(name) > MOST_BYTES:
        raise too_large(file)
    return read_card(kind, file, folder.read_bytes(name).decode("utf-8", errors="replace"))
