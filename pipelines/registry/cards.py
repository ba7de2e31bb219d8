"""Model cards and recipes: the YAML a user edits, as frozen values that refuse what they do not know."""

import re
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, Field, NonNegativeInt, PositiveInt, ValidationError

from models.autointerp.config import ExplanationSettings
from models.config_base import MethodSettings, Settings
from models.dictionaries.config import SAESettings
from models.evaluation.config import QualityBounds
from models.features.config import StatisticsSettings
from models.language_model.sites import Site
from models.training.config import TrainingSettings
from pipelines.registry.method_sections import with_method_sections
from pipelines.registry.renamed_keys import renamed
from storage.manifest import sha256_of

C = TypeVar("C", bound=BaseModel)
M = TypeVar("M", bound=MethodSettings)
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class InvalidCard(ValueError):
    """A card cannot be read. The message names file, line and key."""


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


def _site(text: str) -> str:
    Site.parse(text)
    return text


class CorpusCard(Settings):
    """What the model reads."""

    source: str = Field(examples=["stdlib"])
    """`stdlib`, a file, folder or glob of text, JSONL, JSON, CSV or Parquet, or `hf:name[/config][:split]`."""
    tokens: PositiveInt = 1_000_000
    """Maximum text tokens; special tokens are not counted."""
    context_length: PositiveInt = 128
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
        last = self.source.lower().rstrip("/").rsplit("/", 1)[-1]
        stem = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:40].rstrip("-") or "corpus"
        return f"{stem}-{sha256_of(self.model_dump())[:8]}"


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
    skip_first: Literal["auto"] | NonNegativeInt = "auto"
    """First text tokens of each context that are fed but not read. `auto`: as many as are attention sinks."""
    max_norm: Literal["auto"] | Annotated[float, Field(gt=1)] | None = "auto"
    """Activations of a norm beyond so many times the site's median are left out; null: none. `auto`: beyond three times
    the 99th percentile, at most ten medians."""
    recipes: Literal["all"] | list[Annotated[str, AfterValidator(checked_id)]] = "all"
    """Recipes that run on this model: `all`, or a list of recipe ids."""


class RecipeCore(Settings):
    """Site, dictionary, training, statistics, labels: what is done to any model. The file's stem is the recipe_id."""

    site: Annotated[str, AfterValidator(_site)] = Field(examples=["resid_post.@0.5"])
    """Where activations are read: resid_pre, resid_mid, resid_post, attn_out, mlp_in, mlp_act or mlp_out with a block
    (`resid_post.6`) or a fraction of any model's depth (`resid_post.@0.5`); or embed."""
    sae: SAESettings
    training: TrainingSettings = TrainingSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    explanations: ExplanationSettings = ExplanationSettings()
    quality_bounds: QualityBounds = QualityBounds()

    @property
    def sites(self) -> list[str]:
        """Where activations are wanted: the site that is read, and one that a transcoder writes."""
        return [self.site] + ([self.sae.output_site] if self.sae.output_site else [])

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
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidCard(
            f"{file}{line}: not YAML ({getattr(error, 'problem', error)}): mend the line or delete the card"
        ) from error
    if not isinstance(values, dict):
        raise InvalidCard(f"{file}, line 1: found {type(values).__name__}, wanted keys and values such as `source: …`")
    _refuse_duplicates(file, node)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InvalidCard(_error_messages(kind, file, node, error)) from error


def _error_messages(kind: type[BaseModel], file: str, node: Any, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(whole card)"
        wanted = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = _keys(kind, problem["loc"][:-1])
            nearest = get_close_matches(str(problem["loc"][-1]), known, 1)
            wanted = f"unknown key; {PurePosixPath(file).name} may have {', '.join(known)}"
            wanted += f": the nearest is {nearest[0]}" if nearest else ""
        found = "" if isinstance(problem["input"], dict) else f" = {problem['input']!r}"
        if now := renamed(key, problem["input"]) if kind is RecipeCard else None:
            lines.append(f"{file}, line {_line(node, problem['loc'])}: {now}")
            continue
        lines.append(f"{file}, line {_line(node, problem['loc'])}: {key}{found}: {wanted}")
    return "\n".join(lines)


def _keys(kind: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    for part in where:
        inner = kind.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        kind = inner
    return [field.alias or name for name, field in kind.model_fields.items()]


def _line(node: Any, where: tuple[int | str, ...]) -> int:
    """The line of the key that an error is about, or of the nearest key around it."""
    line = node.start_mark.line
    for part in where:
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line, pair[1]
    return line + 1


def _refuse_duplicates(file: str, node: Any) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise InvalidCard(
                f"{file}, line {line}: key {key.value!r} stands a second time (first on line {seen[key.value]}): "
                "keep one"
            )
        seen[key.value] = line
        _refuse_duplicates(file, value)
