-- Which edge of features tells two prompts of a set apart?
with named as (
    select
        e.model_id,
        e.experiment_id,
        e.prompt_id,
        a.recipe_id as from_recipe_id,
        a.feature_id as from_feature_id,
        b.recipe_id as to_recipe_id,
        b.feature_id as to_feature_id,
        sum(e.weight) as weight
    from graph_edge as e
    inner join graph_node as a
        on a.model_id = e.model_id and a.experiment_id = e.experiment_id and a.prompt_id = e.prompt_id
        and a.node_id = e.source_node_id
    inner join graph_node as b
        on b.model_id = e.model_id and b.experiment_id = e.experiment_id and b.prompt_id = e.prompt_id
        and b.node_id = e.target_node_id
    where e.kept and a.kind = 'feature' and b.kind = 'feature'
    group by all
),

pair as (
    select a.model_id, a.experiment_id, a.prompt_id, b.prompt_id as other_prompt_id
    from attribution_graph as a
    inner join attribution_graph as b using (model_id, experiment_id)
    where a.prompt_id < b.prompt_id
),

both_prompts as (
    select p.*, n.* exclude (model_id, experiment_id, prompt_id, weight), n.weight, 0 as other_weight
    from pair as p
    inner join named as n using (model_id, experiment_id, prompt_id)
    union all
    select p.*, n.* exclude (model_id, experiment_id, prompt_id, weight), 0, n.weight
    from pair as p
    inner join named as n
        on n.model_id = p.model_id and n.experiment_id = p.experiment_id and n.prompt_id = p.other_prompt_id
)

select
    experiment_id,
    prompt_id,
    other_prompt_id,
    from_recipe_id || '/' || from_feature_id as source,
    to_recipe_id || '/' || to_feature_id as target,
    sum(weight) as weight,
    sum(other_weight) as other_weight
from both_prompts
group by
    model_id, experiment_id, prompt_id, other_prompt_id, from_recipe_id, from_feature_id, to_recipe_id, to_feature_id
order by abs(sum(weight) - sum(other_weight)) desc, experiment_id, prompt_id, other_prompt_id, source, target
limit 50;
