"""Where programs reach the service: HTTP in, decisions and problem documents out."""
