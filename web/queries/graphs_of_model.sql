-- Attribution graphs of the model, counted by experiment.
select
    g.experiment_id,
    e.prompt_set_id,
    e.recipe_ids,
    count(*) as n_graphs,
    avg(g.replacement_score) as replacement_score,
    avg(g.completeness_score) as completeness_score
from attribution_graph as g
inner join experiment as e using (model_id, experiment_id)
where g.model_id = $model_id
group by all
order by g.experiment_id;
