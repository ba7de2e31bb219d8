-- Lists on which the feature stands, and what each says of it.
-- nothing without: feature_list_entry
select
    l.list_id,
    l.title,
    l.author,
    e.note,
    e.tag,
    e.status
from feature_list_entry as e
inner join feature_list as l using (list_id)
where e.model_id = $model_id and e.recipe_id = $recipe_id and e.feature_id = $feature_id
order by l.list_id;
