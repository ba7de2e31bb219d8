-- How well an approximation of activation patching agrees with patching itself.
create table patching_agreement (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    direction varchar not null,
    method varchar not null,
    site varchar,
    n_places bigint not null,
    pearson double,
    spearman double,
    top_ten_share double,
    check (n_places >= 0),
    check (pearson between -1 and 1),
    check (spearman between -1 and 1),
    check (top_ten_share between 0 and 1)
);

comment on table patching_agreement is 'One row per (model_id, experiment_id, prompt_id, direction, method, site): an approximation of activation patching beside patching itself, over the places that were patched. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column patching_agreement.model_id is 'Card of the model [id]';
comment on column patching_agreement.experiment_id is 'Card of the experiment [id]';
comment on column patching_agreement.prompt_id is 'Prompt [index]';
comment on column patching_agreement.direction is 'As in patching_effect [text]';
comment on column patching_agreement.method is 'The approximation: attribution or integrated_gradients; of edges eap or eap_ig [text]';
comment on column patching_agreement.site is 'Kind of site; null over all kinds together; edge for edges, see edge_effect [text]';
comment on column patching_agreement.n_places is 'Places that were patched exactly; those before the first position at which the runs differ, whose effect is 0 under every method, are left out [places]';
comment on column patching_agreement.pearson is 'Correlation of the effects; null for fewer than three places or where nothing varies [correlation]';
comment on column patching_agreement.spearman is 'Correlation of their ranks [correlation]';
comment on column patching_agreement.top_ten_share is 'Of the ten places with the largest exact effects, the share among the approximation''s ten; null for fewer than twenty places, and chance where more than ten have about the same effect, as in a stream that carries all of it block after block [fraction]';
