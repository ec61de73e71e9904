"""The mesh router in Python: carries TCP and UDP where the kernel's own rules are not used."""

from swarmpy.dataplane.mesh.router import MeshRouter

__all__ = ["MeshRouter"]
