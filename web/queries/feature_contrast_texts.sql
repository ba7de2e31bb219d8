-- Test texts as the clearest features tell them.
select
    t.label,
    t.feature_id,
    t.kind,
    t.rank,
    t.activation,
    p.text
from feature_contrast_text as t
inner join prompt as p using (model_id, experiment_id, prompt_id)
where t.model_id = $model_id and t.experiment_id = $experiment_id
order by t.label, t.feature_id, t.kind desc, t.rank;
