"""Stacks that other programs describe, as drafts of ours, with a note for all that has no counterpart."""
