"""One module for each peer. Each is run as a process of its own and does one job in its tool's fastest honest form."""
