-- Lists of features that people made, and how many features stand on each.
select
    l.list_id,
    l.title,
    l.note,
    l.author,
    count(e.place) as n_features
from feature_list as l
left join feature_list_entry as e using (list_id)
group by all
order by l.list_id;
