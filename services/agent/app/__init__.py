"""The agent's parts. `factory` puts them together, `serve` runs them."""
