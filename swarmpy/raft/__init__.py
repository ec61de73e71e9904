"""How managers agree: pysyncobj behind a log, a transport and snapshots of our own."""
