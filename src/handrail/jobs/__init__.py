"""A door: the watcher, reminders, imports, the self-check and the demonstration."""
