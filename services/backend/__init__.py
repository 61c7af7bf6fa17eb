"""The media asset manager's backend: REST, streams, thumbnails, WebSocket and health on one port."""
