"""What every test may use. Sockets, files and processes are each test's own."""
