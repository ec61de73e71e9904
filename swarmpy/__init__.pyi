from swarmpy.client.client import Client as Client
from swarmpy.client.sync import SyncClient as SyncClient

__version__: str
