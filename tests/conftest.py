"""What every test may use. Sockets, files and processes are each test's own."""

pytest_plugins = ["tests.needs", "tests.fixtures_store"]
