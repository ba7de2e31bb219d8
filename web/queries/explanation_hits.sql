-- Labels that contain a text, or mean something like it: of one model, of some sources of it, or of all.
with hit as (
    select
        row_number() over () as place,
        *
    from find_features($text, vector := $vector::float[], encoder := $encoder)
    where found_in <> 'token'
),

chosen as materialized (
    select
        h.place,
        h.model_id,
        h.recipe_id,
        h.feature_id,
        h.similarity,
        coalesce(s.layer, 0) || '-' || s.recipe_id as source
    from hit as h
    join sae as s using (model_id, recipe_id)
    where
        ($model_id is null or h.model_id = $model_id)
        and (
            $sources is null
            or list_contains($sources::varchar[], coalesce(s.layer, 0) || '-' || s.recipe_id)
            or list_contains($sources::varchar[], s.recipe_id)
        )
    order by h.place
    limit $most offset $skipped
)

select
    c.model_id,
    c.source,
    c.feature_id,
    c.similarity,
    l.explanation_id,
    l.label,
    l.explainer,
    l.llm,
    f.density,
    f.max_activation
from chosen as c
join _feature_summary as l using (model_id, recipe_id, feature_id)
left join feature as f using (model_id, recipe_id, feature_id)
order by c.place;
