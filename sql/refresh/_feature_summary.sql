-- The best label and the top tokens of every feature of the dictionaries in `touched`.
-- Best label: highest detection score (balanced accuracy), then highest specificity; the explainer's name breaks a tie. Where every
-- attempt failed there is no label, and label_status says why.
delete from _feature_summary
using touched
where _feature_summary.model_id = touched.model_id and _feature_summary.recipe_id = touched.recipe_id;

insert into _feature_summary by name
with rated as (
    select
        model_id,
        recipe_id,
        explanation_id,
        avg(rating) filter (where "interval" is not null) as specificity_mean,
        avg(rating) filter (where "interval" is null) as control_rating,
        count(rating) as n_ratings
    from specificity
    semi join touched using (model_id, recipe_id)
    group by all
),

detected as (
    select
        model_id,
        recipe_id,
        explanation_id,
        max(value) as detection
    from explanation_score
    semi join touched using (model_id, recipe_id)
    where scorer = 'detection' and metric = 'balanced_accuracy'
    group by all
),

best_label as (
    select
        e.model_id,
        e.recipe_id,
        e.feature_id,
        e.explanation_id,
        e.label,
        e.status as label_status,
        e.explainer,
        e.llm,
        d.detection,
        r.specificity_mean,
        r.control_rating,
        r.n_ratings
    from explanation as e
    semi join touched using (model_id, recipe_id)
    left join detected as d using (model_id, recipe_id, explanation_id)
    left join rated as r using (model_id, recipe_id, explanation_id)
    qualify row_number() over (
        partition by e.model_id, e.recipe_id, e.feature_id
        order by e.status = 'ok' desc, d.detection desc nulls last, r.specificity_mean desc nulls last, e.explainer, e.explanation_id
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
