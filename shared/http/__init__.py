"""The HTTP side that all services share: the application, bodies, problem documents, the OpenAPI document."""
