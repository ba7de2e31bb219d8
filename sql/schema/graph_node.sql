-- What attribution graphs are made of.
create table graph_node (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    node_id integer not null,
    kind varchar not null,
    layer integer,
    position integer not null,
    recipe_id varchar,
    feature_id integer,
    token_id bigint,
    token varchar not null,
    activation double,
    probability double,
    influence double not null,
    error_share double,
    kept boolean not null,
    supernode varchar,
    cluster integer,
    check (kind in ('feature', 'error', 'token', 'logit')),
    check ((feature_id is not null) = (kind = 'feature')),
    check ((layer is not null) = (kind in ('feature', 'error'))),
    check (node_id >= 0),
    check (position >= 0),
    check (activation > 0),
    check (probability between 0 and 1.000001),
    check (influence >= 0),
    check (cluster >= 0)
);

comment on table graph_node is 'One row per (model_id, experiment_id, prompt_id, node_id): a node of an attribution graph. Refers to attribution_graph (model_id, experiment_id, prompt_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column graph_node.model_id is 'Card of the model [id]';
comment on column graph_node.experiment_id is 'Card of the experiment [id]';
comment on column graph_node.prompt_id is 'Prompt [index]';
comment on column graph_node.node_id is 'Features first, then errors, tokens, logits [index]';
comment on column graph_node.kind is 'feature; error: what transcoders leave out of an MLP''s output; token: its embedding; logit: a token that may come next [text]';
comment on column graph_node.layer is 'Block of a feature or an error [index]';
comment on column graph_node.position is 'Position, counted from the first token given; of a logit the last [position]';
comment on column graph_node.recipe_id is 'Recipe of a feature''s transcoder; null of an imported graph whose transcoders are not here [id]';
comment on column graph_node.feature_id is 'Latent of the transcoder, within its block [index]';
comment on column graph_node.token_id is 'Of a token or a logit; null of a token where an imported file does not say [index]';
comment on column graph_node.token is 'The token at the position; of a logit the one that may come next [text]';
comment on column graph_node.activation is 'Of a feature; null where an imported file does not say [activation]';
comment on column graph_node.probability is 'Of a logit [probability]';
comment on column graph_node.influence is 'What the logits'' probability becomes when it is passed back along shares of inputs, over all paths; of an imported graph over those that it has [probability]';
comment on column graph_node.error_share is 'Share of what acts on a feature or a logit that comes from errors; of an imported graph among the edges that it has [fraction]';
comment on column graph_node.kept is 'Whether pruning keeps it [boolean]';
comment on column graph_node.supernode is 'Group of nodes to which the experiment''s card counts it [text]';
comment on column graph_node.cluster is 'Kept features that are acted on by the same nodes and act on the same ones; null where there is no other such [index]';
