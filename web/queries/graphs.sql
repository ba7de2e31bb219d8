-- Attribution graphs of an experiment, the prompt beside each.
select
    g.prompt_id,
    p.tokens,
    g.n_special,
    g.n_active_features,
    g.n_features,
    g.left_out_influence,
    g.dropped_edges,
    g.replacement_score,
    g.completeness_score,
    g.n_kept_nodes,
    g.n_kept_edges
from attribution_graph as g
inner join prompt as p using (model_id, experiment_id, prompt_id)
where
    g.model_id = $model_id and g.experiment_id = $experiment_id
    and g.prompt_id between $first_prompt and $last_prompt
order by g.prompt_id;
