"""Where queries run: in worker processes, or in the server's own (`server.workers: 0`)."""
