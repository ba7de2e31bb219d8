-- The attribution graph of a prompt: what the model was given, and how much of its answer the graph explains.
select
    g.prompt_id,
    p.text,
    p.tokens,
    p.answer,
    p.answer_token_id,
    g.n_tokens,
    g.n_special,
    g.n_active_features,
    g.n_features,
    g.left_out_influence,
    g.dropped_edges,
    g.n_logits,
    g.logit_mass,
    g.replacement_score,
    g.completeness_score,
    g.node_threshold,
    g.edge_threshold,
    g.n_kept_nodes,
    g.n_kept_edges,
    i.source as imported_from,
    i.sha256 as imported_sha256,
    i.tool as imported_tool,
    i.scan as imported_scan,
    i.transcoders as imported_transcoders
from attribution_graph as g
inner join prompt as p using (model_id, experiment_id, prompt_id)
left join graph_import as i using (model_id, experiment_id)
where g.model_id = $model_id and g.experiment_id = $experiment_id and g.prompt_id = $prompt_id;
