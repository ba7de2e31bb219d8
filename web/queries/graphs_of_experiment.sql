-- The attribution graphs of an experiment: prompt, likeliest answer, scores, and agreement with the model.
-- api: /experiments/{model_id}/{experiment_id}/graphs
with answer as (
    select
        prompt_id,
        arg_max(token, probability) as token,
        max(probability) as probability
    from graph_node
    where model_id = $model_id and experiment_id = $experiment_id and kind = 'logit'
    group by prompt_id
),

agreement as (
    select
        prompt_id,
        count(distinct node_id) as n_changed,
        avg(spearman) as spearman,
        avg(cosine) as cosine
    from graph_check
    where model_id = $model_id and experiment_id = $experiment_id and not frozen and target = 'logits'
    group by prompt_id
)

select
    g.model_id,
    g.experiment_id,
    g.prompt_id,
    p.text,
    p.answer,
    a.token,
    a.probability,
    g.n_tokens,
    g.replacement_score,
    g.completeness_score,
    g.n_kept_nodes,
    g.n_kept_edges,
    c.n_changed,
    c.spearman,
    c.cosine
from attribution_graph as g
inner join prompt as p using (model_id, experiment_id, prompt_id)
left join answer as a using (prompt_id)
left join agreement as c using (prompt_id)
where g.model_id = $model_id and g.experiment_id = $experiment_id
order by g.prompt_id;
