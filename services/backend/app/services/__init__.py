"""What the backend does with media: find it, read it, draw thumbnails, tell the clients."""
