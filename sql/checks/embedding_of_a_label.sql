-- An embedding is of an explanation that has a label.
select
    l.model_id,
    l.recipe_id,
    'label_embedding reads explanation ' || l.explanation_id || ', which has no label' as what
from label_embedding as l
join explanation as e using (model_id, recipe_id, explanation_id)
where e.label is null;
