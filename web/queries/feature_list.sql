-- What a list of features is of.
select
    list_id,
    title,
    note,
    author
from feature_list
where list_id = $list_id;
