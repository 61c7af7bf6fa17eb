"""Reading media in disposable, confined processes."""
