-- How much of each frequency stands in the embeddings of numbers, and how many units are made of it.
create table number_frequency (
    model_id varchar not null,
    experiment_id varchar not null,
    frequency integer not null,
    embedding_share double,
    n_units integer not null,
    mean_share double,
    check (frequency > 0),
    check (embedding_share between 0 and 1),
    check (n_units >= 0),
    check (mean_share between 0 and 1)
);

comment on table number_frequency is 'One row per (model_id, experiment_id, frequency): a frequency. Refers to experiment (model_id, experiment_id)';
comment on column number_frequency.model_id is 'Card of the model [id]';
comment on column number_frequency.experiment_id is 'Card of the experiment [id]';
comment on column number_frequency.frequency is 'Turns as a number goes through all values [turns]';
comment on column number_frequency.embedding_share is 'Its share of the energy of the numbers'' embeddings, their mean left out; null where a number is no token of its own [fraction]';
comment on column number_frequency.n_units is 'Units that are made of it most [units]';
comment on column number_frequency.mean_share is 'Mean share of these units'' variance [fraction]';
