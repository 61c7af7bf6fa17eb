"""The media library in the browser, and the small Node server that serves it."""
