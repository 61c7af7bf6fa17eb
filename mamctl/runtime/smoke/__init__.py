"""Carrying out the steps of `mamctl smoke`: requests, commands, connections and messages, and what came of them."""
