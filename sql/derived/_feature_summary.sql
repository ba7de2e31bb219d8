-- The best label and the top tokens of every feature of the dictionaries in `touched`.
-- Best label: one that a person wrote comes first, for whoever wrote it looked at the feature and chose to say so. Among
-- people's, and among others, it is the highest detection score, then highest specificity above the controls, both by the
-- windows that choose; the names of explainer and prompt break a tie. Where two or more labels have a score by those, the numbers shown are of the
-- other windows, for the best of several scores is too high by what chance gave it. Labels whose halves nobody knows, such
-- as an import's, are taken by those names alone. Where every attempt failed there is no label, and label_status says why.
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
        e.author,
        e.llm,
        count(*) filter (where coalesce(c.detection, c.specificity_above_controls) is not null) over (
            partition by e.model_id, e.recipe_id, e.feature_id, e.explainer = 'human'
        ) as n_labels_tested
    from explanation as e
    semi join touched using (model_id, recipe_id)
    left join _feature_label as c
        on
            e.model_id = c.model_id
            and e.recipe_id = c.recipe_id
            and e.explanation_id = c.explanation_id
            and c.part = 'choosing'
    qualify row_number() over (
        partition by e.model_id, e.recipe_id, e.feature_id
        order by
            e.status = 'ok' desc,
            e.explainer = 'human' desc,
            c.detection desc nulls last,
            c.specificity_above_controls desc nulls last,
            e.explainer,
            e.prompt,
            e.explanation_id
    ) = 1
),

worth as (
    select
        b.*,
        s.* exclude (model_id, recipe_id, feature_id, explanation_id, part, scores, n_failed)
    from best_label as b
    left join _feature_label as s
        on
            b.model_id = s.model_id
            and b.recipe_id = s.recipe_id
            and b.explanation_id = s.explanation_id
            and s.part = if(b.n_labels_tested > 1, 'reporting', 'all')
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
    concat_ws(chr(10), searchable_text(label), lower(array_to_string(top_tokens, chr(10)))) as search_text
from worth
full join top_token using (model_id, recipe_id, feature_id)
order by model_id, recipe_id, feature_id;
