"""Everything that Dagster loads. An asset is found because its file is in `assets/`; nothing is listed here."""

import dagster as dg

import assets
from pipelines.dagster_support.step_executor import forking_executor
from pipelines.jobs import jobs
from pipelines.schedules import schedules
from pipelines.sensors import sensors
from pipelines.store.store import Store

defs = dg.Definitions(
    assets=dg.load_assets_from_package_module(assets, include_specs=True),
    asset_checks=dg.load_asset_checks_from_package_module(assets),
    jobs=jobs,
    schedules=schedules,
    sensors=sensors,
    executor=forking_executor,
    resources={"store": Store()},
)
