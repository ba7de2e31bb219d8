-- The best label and the top tokens of every feature of the dictionaries in `touched`.
-- Best label: highest detection score, then highest specificity; the names of explainer and prompt break a
-- tie. Where every attempt failed there is no label, and label_status says why.
delete from _feature_summary
using touched
where _feature_summary.model_id = touched.model_id and _feature_summary.recipe_id = touched.recipe_id;

insert into _feature_summary by name
with best_label as (
    select
        e.model_id,
        e.recipe_id,
        e.feature_id,
        e.explanation_id,
        e.label,
        e.status as label_status,
        e.explainer,
        e.llm,
        s.detection,
        s.headline_scores,
        s.specificity_mean,
        s.specificity_density_weighted,
        s.fraction_rated_3,
        s.control_rating,
        s.n_ratings
    from explanation as e
    semi join touched using (model_id, recipe_id)
    left join _feature_label as s using (model_id, recipe_id, feature_id, explanation_id)
    qualify row_number() over (
        partition by e.model_id, e.recipe_id, e.feature_id
        order by
            e.status = 'ok' desc,
            s.detection desc nulls last,
            s.specificity_mean desc nulls last,
            e.explainer,
            e.prompt,
            e.explanation_id
    ) = 1
),

peak as (
    select
        model_id,
        recipe_id,
        feature_id,
        tokens[peak + 1] as token,
        min(rank) as first_rank
    from example
    semi join touched using (model_id, recipe_id)
    where kind = 'top'
    group by all
),

top_token as (
    select
        model_id,
        recipe_id,
        feature_id,
        array_agg(token order by first_rank) as top_tokens
    from peak
    group by all
)

select
    *,
    lower(concat_ws(chr(10), label, array_to_string(top_tokens, chr(10)))) as search_text
from best_label
full join top_token using (model_id, recipe_id, feature_id)
order by model_id, recipe_id, feature_id;
