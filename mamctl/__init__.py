"""Supervise a whole local stack: one command up, the truth about it, nothing left behind."""
