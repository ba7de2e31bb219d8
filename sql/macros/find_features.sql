-- Features whose label or top tokens contain a text, in any case: labels before tokens, whole matches before parts, specific labels first.
-- Grain: one row per (model_id, recipe_id, feature_id).
create macro find_features(text) as table
with hit as (
    select
        model_id,
        recipe_id,
        feature_id,
        case
            when lower(label) = lower(text) then 1
            when starts_with(lower(label), lower(text)) then 2
            when contains(lower(label), lower(text)) then 3
            when contains(chr(10) || search_text || chr(10), chr(10) || lower(text) || chr(10)) then 4
            else 5
        end as place
    from _feature_summary
    where contains(search_text, lower(text))
)

select
    c.model_id,
    c.recipe_id,
    c.sae_id,
    c.feature_id,
    c.label,
    c.top_tokens,
    c.specificity_mean,
    c.density,
    case when h.place <= 3 then 'label' else 'token' end as found_in
from hit as h
join feature_card as c using (model_id, recipe_id, feature_id)
order by h.place, c.specificity_mean desc nulls last, c.density desc, c.model_id, c.recipe_id, c.feature_id;
