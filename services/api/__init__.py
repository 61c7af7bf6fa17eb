"""The API server (:8080): the spec-first face of the media asset backend."""
