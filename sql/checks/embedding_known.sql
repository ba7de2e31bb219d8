-- An embedding is of a label that exists.
select
    l.model_id,
    l.recipe_id,
    'label_embedding reads explanation ' || l.explanation_id || ', which explanation lacks or has without a label' as what
from label_embedding as l
left join explanation as e using (model_id, recipe_id, explanation_id)
where e.label is null;
