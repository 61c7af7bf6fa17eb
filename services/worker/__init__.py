"""The media worker: finds media, reads them, draws their thumbnails; as many of them as you like."""
