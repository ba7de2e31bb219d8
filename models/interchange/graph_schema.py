"""The JSON of an attribution graph as circuit-tracer and Neuronpedia write it: which parts it has, and their types."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, Field


class GraphFileNode(BaseModel, frozen=True, allow_inf_nan=False):
    """A feature, an error, a token or a logit."""

    node_id: str
    feature: int | None = None
    """Block and number as one; of a logit its token."""
    layer: str
    ctx_idx: Annotated[int, Field(ge=0)]
    feature_type: str
    token_prob: Annotated[float, Field(ge=0, le=1)] | None = None
    clerp: str | None = None
    influence: Annotated[float, Field(ge=0)] | None = None
    """Running sum over nodes, the most influential first."""
    activation: Annotated[float, Field(gt=0)] | None = None


class GraphFileLink(BaseModel, frozen=True, allow_inf_nan=False):
    """A direct effect."""

    source: str
    target: str
    weight: float


class GraphFilePruning(BaseModel, frozen=True):
    """Shares of influence that are kept."""

    node_threshold: float | None = None
    edge_threshold: float | None = None


class GraphFileGenerator(BaseModel, frozen=True):
    """The tool that drew the graph."""

    name: str | None = None
    version: str | None = None


class GraphFileInfo(BaseModel, frozen=True):
    """Who made the file."""

    generator: GraphFileGenerator = GraphFileGenerator()


class GraphFileMetadata(BaseModel, frozen=True):
    """Prompt, model and transcoders."""

    slug: str = ""
    scan: str
    """What the tool calls model and transcoders."""
    transcoder_list: list[str] = []
    prompt: str
    prompt_tokens: Annotated[list[str], Field(min_length=1)]
    schema_version: int | None = None
    node_threshold: float | None = None
    pruning_settings: GraphFilePruning = GraphFilePruning()
    generation_settings: dict[str, Any] = {}
    info: GraphFileInfo = GraphFileInfo()


class GraphFileGroups(BaseModel, frozen=True):
    """What somebody pinned and grouped."""

    supernodes: list[list[str]] = []
    """A name, and the nodes that it stands for."""


class GraphFile(BaseModel, frozen=True):
    """The whole file."""

    metadata: GraphFileMetadata
    groups: GraphFileGroups = Field(GraphFileGroups(), validation_alias=AliasChoices("qParams"))
    nodes: Annotated[list[GraphFileNode], Field(min_length=1)]
    links: list[GraphFileLink]

    @property
    def version(self) -> int:
        return self.metadata.schema_version or 0

    @property
    def node_threshold(self) -> float | None:
        return self.metadata.pruning_settings.node_threshold or self.metadata.node_threshold

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Name of the supernode, by node."""
        return {member: name for name, *members in self.groups.supernodes for member in members}
