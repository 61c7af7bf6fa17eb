"""Making the library agree with the media folder."""
