"""Which node runs a task: filters say where it may run, spread says where it runs best."""
