-- What explainers say features mean; a failure is a row too.
create table explanation (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    feature_id integer not null,
    explainer varchar not null,
    author varchar,
    llm varchar,
    prompt varchar,
    prompt_sha256 varchar,
    label varchar,
    status varchar not null,
    error varchar,
    n_examples bigint,
    request_id varchar,
    input_tokens bigint,
    output_tokens bigint,
    cost_usd double,
    created_at timestamp,
    check (feature_id >= 0),
    check (prompt <> ''),
    check (status <> ''),
    check (status <> 'ok' or label is not null),
    check (n_examples >= 0),
    check (input_tokens >= 0),
    check (output_tokens >= 0),
    check (isfinite(cost_usd) and cost_usd >= 0)
);

comment on table explanation is 'One row per (explanation_id): an attempt of an explainer to label a feature. Refers to feature (model_id, recipe_id, feature_id)';
comment on column explanation.model_id is 'Card of the model [id]';
comment on column explanation.recipe_id is 'Card of the recipe [id]';
comment on column explanation.explanation_id is 'Explanation [id]';
comment on column explanation.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column explanation.explainer is 'Who labels: human for people, else such as lexical or anthropic [text]';
comment on column explanation.author is 'The person who wrote the label; null where none is named or none wrote it [text]';
comment on column explanation.llm is 'Language model asked; null where none was [text]';
comment on column explanation.prompt is 'What the language model was shown: activations, logits or contrastive; null where none was asked [text]';
comment on column explanation.prompt_sha256 is 'Hash of the prompt; null where none was sent [sha256]';
comment on column explanation.label is 'What the feature means; null where the attempt failed [text]';
comment on column explanation.status is 'ok, refused, parse_error, over_budget or another reason of failure [text]';
comment on column explanation.error is 'What went wrong; of a label that was made, what is to be known of it (no score, a character replaced); null where there is nothing to say [text]';
comment on column explanation.n_examples is 'Examples shown to the explainer; null where an import does not say [examples]';
comment on column explanation.request_id is 'Request at the provider; null where none was sent [id]';
comment on column explanation.input_tokens is 'Tokens sent; null where none were [tokens]';
comment on column explanation.output_tokens is 'Tokens answered; null where none were [tokens]';
comment on column explanation.cost_usd is 'Price; null where nothing was asked [USD]';
comment on column explanation.created_at is 'When an LLM answered or a person wrote; null for a label made without either, which is the same whenever it is made [UTC]';
