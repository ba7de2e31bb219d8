-- Features whose label or top tokens contain a text, in any case: labels before tokens, whole matches before parts.
-- Of those the labels come first that are rated highest above the controls. Backticks around a label's tokens count for
-- nothing, but that a token between them is a whole match.
-- Given a vector too, the 50 features come after them whose labels' embeddings point most like it: found_in is then 'meaning'.
-- Grain: one row per (model_id, recipe_id, feature_id). Vectors of different encoders cannot be compared: name the vector's own
-- as `encoder`, where labels were embedded by several; embeddings of another length are left out. similarity is the cosine,
-- null for what is not among the 50. A null text searches by meaning alone.
create macro find_features(text, vector := null, encoder := null) as table
with hit as (
    select
        model_id,
        recipe_id,
        feature_id,
        case
            when searchable_text(label) = searchable_text(text) then 1
            when contains(lower(label), '`' || searchable_text(text) || '`') then 2
            when starts_with(searchable_text(label), searchable_text(text)) then 3
            when contains(searchable_text(label), searchable_text(text)) then 4
            when contains(chr(10) || search_text || chr(10), chr(10) || lower(text) || chr(10)) then 5
            else 6
        end as place,
        null::double as similarity
    from _feature_summary
    where contains(search_text, searchable_text(text))
),

compared as (
    select
        model_id,
        recipe_id,
        explanation_id,
        case
            when len(embedding) = len(vector::float[]) then list_cosine_similarity(embedding, vector::float[])
        end as similarity
    from label_embedding as e
    where vector is not null and (encoder is null or e.encoder = encoder)
),

near as (
    select
        s.model_id,
        s.recipe_id,
        s.feature_id,
        7 as place,
        max(c.similarity) as similarity
    from compared as c
    join _feature_summary as s using (model_id, recipe_id, explanation_id)
    where isfinite(c.similarity) and c.similarity > 0
    group by all
    order by max(c.similarity) desc, s.model_id, s.recipe_id, s.feature_id
    limit 50
),

found as (
    select
        model_id,
        recipe_id,
        feature_id,
        min(place) as place,
        max(similarity) as similarity
    from (
        from hit
        union all by name
        from near
    )
    group by all
)

select
    c.model_id,
    c.recipe_id,
    c.sae_id,
    c.feature_id,
    c.label,
    c.top_tokens,
    c.specificity_above_controls,
    c.density,
    case
        when f.place <= 4 then 'label'
        when f.place <= 6 then 'token'
        else 'meaning'
    end as found_in,
    f.similarity
from found as f
join feature_card as c using (model_id, recipe_id, feature_id)
order by
    f.place,
    case when f.place = 7 then -f.similarity end,
    c.specificity_above_controls desc nulls last,
    c.density desc,
    c.model_id,
    c.recipe_id,
    c.feature_id;
