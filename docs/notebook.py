"""The published warehouse, to look at and to ask: `.venv/bin/marimo edit docs/notebook.py`, or `run` to hide the code.

Reads the file that GLASSHOUSE_WAREHOUSE names, `data/warehouse.duckdb` where it names none, and writes nothing.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Glasshouse")

with app.setup:
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo
    import matplotlib.pyplot as plt
    import polars.selectors as cs

    from sql.warehouse import connect


@app.function
def table(frame, **how):
    """A table to page, sort and search, with four digits of each number."""
    return mo.ui.table(frame.with_columns(cs.float().round_sig_figs(4)), **how)


@app.cell
def _():
    published = Path(os.environ.get("GLASSHOUSE_WAREHOUSE", "data/warehouse.duckdb"))
    con = connect(published)

    def ask(query, **given):
        """The answer as a polars frame; values travel as parameters."""
        return con.sql(query, params=given).pl()

    mo.md("# Glasshouse\nEvery cell below is SQL over the published file; `docs/queries.md` has more to ask.")
    return (ask,)


@app.cell
def _(ask):
    summary = ask("""
        select sae_id, site, architecture, n_features, l0, fvu, ce_recovered, dead_fraction, specificity_above_controls
        from sae_summary order by sae_id
    """)
    mo.vstack([mo.md("## Dictionaries"), table(summary, selection=None)])
    return (summary,)


@app.cell
def _(ask):
    _measured = ask("select sae_id || ' at ' || site as name, l0, fvu, is_pareto_fvu from sae_pareto order by site, l0")
    pareto, _axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for _at, _row in enumerate(_measured.iter_rows(named=True)):
        _color = f"C{_at}"
        _filled = _color if _row["is_pareto_fvu"] else "none"
        _axes.scatter(_row["l0"], _row["fvu"], edgecolor=_color, facecolor=_filled, label=_row["name"])
    _axes.set(xscale="log", xlabel="L0 [features a token]", ylabel="FVU, held out")
    if not _measured.is_empty():
        pareto.legend(loc="outside right upper", fontsize=8)
    mo.vstack(
        [mo.md("## Sparsity against faithfulness\nFilled: none of its site is as sparse and as faithful."), pareto]
    )
    return (pareto,)


@app.cell
def _(ask):
    _live = ask("select sae_id, lower, upper, n from density_histogram where lower is not null order by sae_id, lower")
    densities, _axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (_sae_id,), _rows in _live.group_by("sae_id", maintain_order=True):
        _axes.stairs(_rows["n"], [*_rows["lower"], _rows["upper"][-1]], label=_sae_id)
    _axes.set(xscale="log", xlabel="density [fraction of tokens]", ylabel="features in a quarter decade")
    if not _live.is_empty():
        _axes.legend(fontsize=8)
    mo.vstack([mo.md("## How often features fire"), densities])
    return (densities,)


@app.cell
def _(ask):
    _rated = ask("""
        select sae_id, interval_index, mean_rating from specificity_by_interval
        where interval_index is not null order by sae_id, interval_index
    """)
    specificity, _axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (_sae_id,), _rows in _rated.group_by("sae_id", maintain_order=True):
        _axes.plot(_rows["interval_index"], _rows["mean_rating"], marker="o", label=_sae_id)
    _axes.set(
        xlabel="interval, from weak activations to strong", ylabel="mean rating of labels, 0 to 3", ylim=(-0.1, 3.1)
    )
    if not _rated.is_empty():
        _axes.legend(fontsize=8)
    mo.vstack([mo.md("## Do labels fit weak activations too?"), specificity])
    return (specificity,)


@app.cell
def _(summary):
    sae_id = mo.ui.dropdown(summary["sae_id"].to_list(), value=summary["sae_id"].first(), label="dictionary")
    text = mo.ui.text(placeholder="in a label or a top token", label="search")
    mo.vstack([mo.md("## Features"), mo.hstack([sae_id, text], justify="start")])
    return sae_id, text


@app.cell
def _(ask, sae_id, text):
    found = ask(
        """
        select feature_id, label, specificity_above_controls, density, max_activation, top_tokens
        from feature_card
        where sae_id = $sae_id and ($text = '' or contains(lower(label), lower($text))
            or contains(lower(array_to_string(top_tokens, chr(10))), lower($text)))
        order by specificity_above_controls desc nulls last, feature_id
        """,
        sae_id=sae_id.value,
        text=text.value,
    )
    features = table(found, selection="single", initial_selection=[0] if len(found) else [], page_size=10)
    mo.vstack([features, mo.md("Choose a row to read its examples.")])
    return features, found


@app.cell
def _(ask, features, sae_id):
    _chosen = features.value["feature_id"].to_list() or [None]
    examples = ask(
        """
        select kind, interval_index, activation, text
        from feature_examples(split_part($sae_id, '/', 1), split_part($sae_id, '/', 2), $feature_id)
        """,
        sae_id=sae_id.value,
        feature_id=_chosen[0],
    )
    table(examples, selection=None, page_size=10)
    return (examples,)


@app.cell
def _():
    query = mo.ui.code_editor("from sae_summary", language="sql", label="SQL, read-only").form(
        submit_button_label="Ask"
    )
    mo.vstack([mo.md("## Ask"), query])
    return (query,)


@app.cell
def _(ask, query):
    try:
        answer = ask(query.value or "from table_rows")
        _shown = table(answer, selection=None)
    except duckdb.Error as error:
        answer = None
        _shown = mo.callout(mo.plain_text(str(error)), kind="danger")
    mo.output.replace(_shown)
    return (answer,)


if __name__ == "__main__":
    app.run()
