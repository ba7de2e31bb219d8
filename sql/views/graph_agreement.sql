-- Whether the model does what its attribution graphs say: predicted and actual changes, over the features that were changed.
-- Grain: one row per (model_id, experiment_id, prompt_id, frozen, target).
create view graph_agreement as
select
    model_id,
    experiment_id,
    prompt_id,
    frozen,
    target,
    count(*) as n_changes,
    median(spearman) as spearman,
    median(cosine) as cosine,
    sum(predicted_size) / nullif(sum(actual_size), 0) as predicted_per_actual,
    coalesce(median(cosine), 0) < 0.5 as predicts_badly
from graph_check
group by all;

comment on column graph_agreement.frozen is 'Whether attention patterns and scales of norms were held in the model [boolean]';
comment on column graph_agreement.target is 'logits or features [text]';
comment on column graph_agreement.n_changes is 'Changes of a feature that were made [changes]';
comment on column graph_agreement.spearman is 'Median over the changes of the rank correlation of predicted and actual changes of the targets [correlation]';
comment on column graph_agreement.cosine is 'Median of the cosine of the two vectors of changes [cosine]';
comment on column graph_agreement.predicted_per_actual is 'Sum of the lengths of predicted changes by that of actual ones: above 1 the graph promises too much [ratio]';
comment on column graph_agreement.predicts_badly is 'Whether the cosine is below one half, or there is none [boolean]';
