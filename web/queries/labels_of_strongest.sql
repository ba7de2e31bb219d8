-- What the images of the feature's strongest examples show, beside all images of the corpus.
-- nothing without: patch_example
with strongest as (
    select i.label
    from patch_example as p
    join sae as s using (model_id, recipe_id)
    join image as i on i.corpus_id = s.corpus_id and i.frame_sha256 = s.frame_sha256 and i.image_id = p.image_id
    where
        p.model_id = $model_id
        and p.recipe_id = $recipe_id
        and p.feature_id = $feature_id
        and p.kind = 'top'
        and i.label is not null
),

every as (
    select i.label
    from sae as s
    join image as i using (corpus_id, frame_sha256)
    where s.model_id = $model_id and s.recipe_id = $recipe_id and i.label is not null
)

select
    label,
    count(*) as n,
    count(*) / (select count(*) from strongest) as share,
    (select count(*) from every where every.label = strongest.label) / (select count(*) from every) as share_of_all
from strongest
group by all
order by n desc, label
limit 8;
