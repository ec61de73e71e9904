"""The SDK: `swarmpy.Client` and `swarmpy.SyncClient`."""
