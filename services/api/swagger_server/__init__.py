"""The API server in the layout that swagger-codegen made familiar; the specification is the source."""

__version__ = "1.0.0"
