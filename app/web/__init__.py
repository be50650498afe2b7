"""HTTP: the signature middleware, the endpoints that Plivo calls, the admin socket, and uvicorn with limits."""
