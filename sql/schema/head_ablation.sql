-- What a model loses on a piece that it reads for the second time when attention heads are ablated.
create table head_ablation (
    model_id varchar not null,
    experiment_id varchar not null,
    ablated varchar not null,
    mode varchar not null,
    layer integer,
    head integer,
    heads varchar[] not null,
    n_sequences bigint not null,
    first_loss double not null,
    first_loss_ablated double not null,
    second_loss double not null,
    second_loss_ablated double not null,
    change double not null,
    change_ci_low double,
    change_ci_high double,
    accuracy double not null,
    accuracy_ablated double not null,
    check (mode in ('zero', 'mean')),
    check ((layer is null) = (head is null)),
    check (n_sequences > 0),
    check (first_loss >= 0),
    check (first_loss_ablated >= 0),
    check (second_loss >= 0),
    check (second_loss_ablated >= 0),
    check (change_ci_low <= change_ci_high),
    check (accuracy between 0 and 1.000001),
    check (accuracy_ablated between 0 and 1.000001)
);

comment on table head_ablation is 'One row per (model_id, experiment_id, ablated, mode): the loss on random sequences that say a piece twice, with and without some heads. Refers to experiment (model_id, experiment_id)';
comment on column head_ablation.model_id is 'Card of the model [id]';
comment on column head_ablation.experiment_id is 'Card of the experiment [id]';
comment on column head_ablation.ablated is 'One head, such as 5.1 (block and head); induction heads, all that exceed the threshold at once; others 0 and so on, random sets of as many others; none [text]';
comment on column head_ablation.mode is 'zero: the heads say nothing; mean: they say what they say on average where nothing is repeated [text]';
comment on column head_ablation.layer is 'Block of the one head; null where several or none are ablated [index]';
comment on column head_ablation.head is 'The head in its block; null likewise [index]';
comment on column head_ablation.heads is 'All that are ablated [text]';
comment on column head_ablation.n_sequences is 'Random sequences [count]';
comment on column head_ablation.first_loss is 'Cross-entropy of the whole model on the first copy [nats per token]';
comment on column head_ablation.first_loss_ablated is 'The same without the heads [nats per token]';
comment on column head_ablation.second_loss is 'Cross-entropy of the whole model on the second copy [nats per token]';
comment on column head_ablation.second_loss_ablated is 'The same without the heads [nats per token]';
comment on column head_ablation.change is 'second_loss_ablated - second_loss: what the heads are worth [nats per token]';
comment on column head_ablation.change_ci_low is 'Lower end of its 95 % interval, by the bootstrap over sequences [nats per token]';
comment on column head_ablation.change_ci_high is 'Upper end [nats per token]';
comment on column head_ablation.accuracy is 'Share of the second copy that the whole model has as its likeliest token [fraction]';
comment on column head_ablation.accuracy_ablated is 'The same without the heads [fraction]';
