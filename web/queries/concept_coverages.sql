-- Words and the features that detect them, the most frequent first.
select
    c.*,
    f.label
from concept_coverage as c
left join _feature_summary as f using (model_id, recipe_id, feature_id)
where c.model_id = $model_id and c.experiment_id = $experiment_id
order by c.recipe_id, c.rate desc, c.word
limit 600;
