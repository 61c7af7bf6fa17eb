"""Tools made for supervisord, on stacks of ours."""
