"""The console: pages for reviewers and responders, made on the server."""
