"""All sockets: the client and the server."""
