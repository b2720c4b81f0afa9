"""HTTP as all services share it: the application, bodies, pages, dependencies, the OpenAPI document."""
