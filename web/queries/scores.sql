-- How well each label of the feature predicts where it fires.
select
    s.explanation_id,
    s.scorer,
    s.metric,
    s.value,
    s.low,
    s.high,
    s.n,
    s.n_failed
from explanation_score as s
join explanation as e using (model_id, recipe_id, explanation_id)
where e.model_id = $model_id and e.recipe_id = $recipe_id and e.feature_id = $feature_id
order by s.explanation_id, s.scorer, s.metric;
