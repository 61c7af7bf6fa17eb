"""The manifest: what the user wishes, as frozen values, and how a mapping becomes them."""
