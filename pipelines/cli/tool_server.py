"""`glasshouse mcp`: the warehouse as tools of an assistant."""

import anyio


def mcp() -> None:
    """Answer an assistant's questions about the warehouse, read-only.

    Speaks the Model Context Protocol on standard input and output; an assistant starts it. Tools search features, read
    one with its examples, query in SQL and run the model on a text.

    Example: glasshouse mcp
    """
    from pipelines.serving.model_hosts import ModelHosts
    from pipelines.serving.semantic_search import TextEmbedder
    from pipelines.serving.text_reader import TextReader
    from pipelines.serving.vector_reader import StoredVectorReader
    from pipelines.store.store import Store
    from web.api.endpoint import Services
    from web.warehouse_file import LatestWarehouse

    try:
        from web.api.tool_server import serve_standard_streams
    except ModuleNotFoundError as error:
        if error.name not in ("mcp", "mcp_types"):
            raise
        raise ValueError("this needs the package `mcp`: pip install 'glasshouse[mcp]'") from None
    store = Store()
    latest = LatestWarehouse(store.published)
    services = Services(latest, TextReader(ModelHosts(store)), TextEmbedder(store.cards), StoredVectorReader(store))
    anyio.run(serve_standard_streams, services)
