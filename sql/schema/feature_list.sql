-- Lists of features that people made: what each is of.
create table feature_list (
    list_id varchar not null,
    title varchar not null,
    note varchar,
    author varchar
);

comment on table feature_list is 'One row per (list_id): a list of features with notes, from registry/lists as it was at the publication';
comment on column feature_list.list_id is 'Card of the list [id]';
comment on column feature_list.title is 'What it is of [text]';
comment on column feature_list.note is 'What its author says of all of it; null where nothing is said [text]';
comment on column feature_list.author is 'Who made it; null where nobody is named [text]';
