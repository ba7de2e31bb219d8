-- Kinds of concepts that other features speak for, the most swallowed first.
select
    k.label,
    k.kind,
    k.recipe_id,
    k.n_texts,
    k.n_right,
    k.n_absorbed,
    k.fraction,
    k.feature_id,
    k.cosine,
    f.label as says
from concept_absorption_kind as k
left join _feature_summary as f using (model_id, recipe_id, feature_id)
where k.model_id = $model_id and k.experiment_id = $experiment_id and k.feature_id is not null
order by k.n_absorbed desc, k.fraction desc, k.label, k.kind;
