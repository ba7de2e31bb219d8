-- Attributes moved between entities, each by every means.
select
    attribute,
    recipe_id,
    condition,
    n_moved,
    feature_ids,
    cause,
    cause_ci_low,
    cause_ci_high,
    isolation,
    isolation_ci_low,
    isolation_ci_high,
    score,
    score_ci_low,
    score_ci_high,
    n_cause,
    n_isolation,
    n_entities,
    n_known,
    n_asked
from attribute_disentanglement
where model_id = $model_id and experiment_id = $experiment_id
order by
    attribute,
    list_position(
        ['features', 'features_without_error', 'random_features', 'subspace', 'class_means', 'whole', 'nothing'], condition
    );
