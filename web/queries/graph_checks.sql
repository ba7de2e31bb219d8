-- Features of the graph that were changed in the model, and how the change compares with what the graph predicts.
select
    c.node_id,
    n.layer,
    n.position,
    n.token,
    n.recipe_id,
    n.feature_id,
    f.label,
    c.factor,
    c.frozen,
    c.target,
    c.n_targets,
    c.spearman,
    c.cosine,
    c.predicted_size,
    c.actual_size
from graph_check as c
inner join graph_node as n using (model_id, experiment_id, prompt_id, node_id)
left join feature_card as f
    on f.model_id = n.model_id and f.recipe_id = n.recipe_id and f.feature_id = n.feature_id
where c.model_id = $model_id and c.experiment_id = $experiment_id and c.prompt_id = $prompt_id
order by c.frozen, c.target, n.influence desc, c.node_id, c.factor;
