-- What came last into the warehouse: dictionaries, labels that an LLM or a person made, experiments, by the day.
with made as (
    select
        'dictionary' as kind,
        model_id,
        recipe_id,
        null as by_whom,
        1 as n,
        created_at
    from sae
    union all by name
    select
        'labels' as kind,
        model_id,
        recipe_id,
        coalesce(author, llm, explainer) as by_whom,
        count(*) as n,
        max(created_at) as created_at
    from explanation
    where created_at is not null and status = 'ok'
    group by model_id, recipe_id, by_whom, created_at::date
    union all by name
    select
        'experiment' as kind,
        model_id,
        experiment_id as recipe_id,
        method as by_whom,
        1 as n,
        created_at
    from experiment
)

select
    kind,
    model_id,
    recipe_id,
    by_whom,
    n,
    created_at
from made
order by created_at desc, kind, model_id, recipe_id, by_whom
limit 8;
