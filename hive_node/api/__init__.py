"""The admin HTTP API: on the Unix socket and on loopback TCP. Routes are a table; the OpenAPI document is made from it."""
