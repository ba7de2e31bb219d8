"""Importers of other tools' feature dumps, one file per layout: `FOLDER`, `EXAMPLE` and `read`, as
`models/interchange/dashboards/importer.py` says. A new file is found, and is a format of `glasshouse import`."""
