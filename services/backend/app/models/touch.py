"""What goes with every change of an asset, in the same statement (C9)."""

NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
TOUCH = f"updated_at = {NOW}, rev = rev + 1"
