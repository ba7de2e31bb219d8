-- What a model loses without some heads: the whole model, sets of heads, then the twenty heads that cost most.
select
    ablated,
    mode,
    heads,
    layer,
    n_sequences,
    first_loss,
    second_loss,
    second_loss_ablated,
    change,
    change_ci_low,
    change_ci_high,
    accuracy,
    accuracy_ablated
from head_ablation
where model_id = $model_id and experiment_id = $experiment_id
qualify row_number() over (partition by mode, layer is null order by change desc, ablated) <= 20
order by mode desc, layer is null desc, ablated = 'none' desc, change desc, ablated;
