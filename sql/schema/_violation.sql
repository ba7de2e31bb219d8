-- What contradicts itself among the published rows, as each publication finds it.
create table _violation (
    rule varchar not null,
    title varchar not null,
    model_id varchar,
    recipe_id varchar,
    n bigint not null,
    what varchar not null,
    check (n > 0)
);

comment on table _violation is 'One row per (rule, model_id, recipe_id): a rule of the warehouse that rows of a dictionary break';
comment on column _violation.rule is 'The rule [id]';
comment on column _violation.title is 'What it wants [text]';
comment on column _violation.model_id is 'Card of the model; null where the rows name none [id]';
comment on column _violation.recipe_id is 'Card of the recipe; null likewise [id]';
comment on column _violation.n is 'Rows that break it [rows]';
comment on column _violation.what is 'What the first of them says [text]';
