"""The OpenAPI document of the backend, and a page to read it.

    routes (Flask's and Starlette's)     method, path, what it does (the docstring)
    operations                           which answers, parameters and bodies a route has
    answers                              the types that the answers are made of
    parameters, bodies                   what is taken, with the limits that the parsers apply

A route without an operation, or the other way round, cannot be built into a document; a test builds it.
"""
