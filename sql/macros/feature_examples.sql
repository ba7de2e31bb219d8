-- The windows kept of one feature: top ones first, then the intervals from strong to weak, then the controls.
-- Grain: one row per (kind, interval_index, rank). The peak stands between guillemets in `text`.
create macro feature_examples(model, recipe, feature) as table
select
    kind,
    interval_index,
    rank,
    activation,
    tokens[peak + 1] as peak_token,
    array_to_string(tokens[:peak], '') || '«' || tokens[peak + 1] || '»' || array_to_string(tokens[peak + 2:], '') as text,
    document_id,
    context_id,
    position,
    tokens,
    activations,
    peak,
    example_id
from example
where model_id = model and recipe_id = recipe and feature_id = feature
order by array_position(['top', 'interval', 'control'], kind), interval_index desc, rank;
