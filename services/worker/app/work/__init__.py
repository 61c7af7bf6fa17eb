"""Taking jobs and doing them."""
