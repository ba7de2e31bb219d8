-- What the answer becomes if one part reads what another wrote in the other run.
create table edge_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    direction varchar not null,
    method varchar not null,
    source varchar not null,
    source_layer integer,
    source_head integer,
    target varchar not null,
    target_layer integer,
    target_head integer,
    rank integer,
    metric varchar not null,
    effect double not null,
    clean_metric double not null,
    corrupt_metric double not null,
    check (method in ('exact', 'eap', 'eap_ig')),
    check (source in ('embed', 'head', 'mlp')),
    check (target in ('q', 'k', 'v', 'mlp', 'logits')),
    check (source_layer >= 0),
    check (source_head >= 0),
    check (target_layer >= source_layer),
    check (target_head >= 0),
    check (rank >= 0)
);

comment on table edge_effect is 'One row per (model_id, experiment_id, prompt_id, direction, method, source, source_layer, source_head, target, target_layer, target_head): an edge from a part that writes into the stream to one that reads it, at all positions; the strongest of each estimate, and all that were patched. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column edge_effect.model_id is 'Card of the model [id]';
comment on column edge_effect.experiment_id is 'Card of the experiment [id]';
comment on column edge_effect.prompt_id is 'Prompt [index]';
comment on column edge_effect.direction is 'As in patching_effect [text]';
comment on column edge_effect.method is 'exact: what the target reads was patched by what the source wrote in the other run; eap: the source''s change times the gradient where the target reads; eap_ig: the gradient averaged while embeddings move from the patched run to the other [text]';
comment on column edge_effect.source is 'embed (what enters the first block), head or mlp [text]';
comment on column edge_effect.source_layer is 'Block of the source; null for embed [index]';
comment on column edge_effect.source_head is 'Head, where the source is one [index]';
comment on column edge_effect.target is 'q, k or v of a head, mlp, or logits (the final norm) [text]';
comment on column edge_effect.target_layer is 'Block of the target; null for logits [index]';
comment on column edge_effect.target_head is 'Head of q; of k and v the group of heads that shares them [index]';
comment on column edge_effect.rank is 'Place by the size of the effect, 0 the largest: among all edges of an estimate, among those patched of exact; null for an estimate of 0 [rank]';
comment on column edge_effect.metric is 'As in patching_effect [text]';
comment on column edge_effect.effect is 'Metric with the edge patched, less that of the run that is patched [unit of the metric]';
comment on column edge_effect.clean_metric is 'Metric of the clean run [unit of the metric]';
comment on column edge_effect.corrupt_metric is 'Metric of the corrupt run [unit of the metric]';
