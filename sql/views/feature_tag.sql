-- What features might warn of, who says so and why: entries of lists that have a tag.
-- Grain: one row per (list_id, place); struck tags are kept, with their status.
create view feature_tag as
select
    e.model_id,
    e.recipe_id,
    e.model_id || '/' || e.recipe_id as sae_id,
    e.feature_id,
    e.tag,
    e.status,
    l.author as who,
    e.note as why,
    e.list_id,
    e.place
from feature_list_entry as e
inner join feature_list as l using (list_id)
where e.tag is not null;

comment on column feature_tag.sae_id is 'model_id/recipe_id [id]';
comment on column feature_tag.who is 'Author of the list [text]';
comment on column feature_tag.why is 'What the list says of the feature: the evidence [text]';
