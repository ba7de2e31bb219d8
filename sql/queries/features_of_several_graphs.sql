-- Which features stand in the graphs of several prompts of a set?
select
    n.experiment_id,
    n.recipe_id,
    n.feature_id,
    f.label,
    count(distinct n.prompt_id) as n_prompts,
    count(distinct n.prompt_id) / max(g.n_graphs) as share_of_prompts,
    sum(n.influence) / count(distinct n.prompt_id) as influence
from graph_node as n
inner join (
    select model_id, experiment_id, count(*) as n_graphs
    from attribution_graph
    group by all
) as g using (model_id, experiment_id)
left join feature_card as f using (model_id, recipe_id, feature_id)
where n.kind = 'feature' and n.kept
group by n.model_id, n.experiment_id, n.recipe_id, n.feature_id, f.label
having count(distinct n.prompt_id) > 1
order by n_prompts desc, influence desc, n.recipe_id, n.feature_id
limit 50;
