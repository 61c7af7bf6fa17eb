"""The local control API: records, server and light client."""
