"""Which digest each image of a service is run by, once its tag was looked up by one node."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.core.image_name import images_of
from swarmpy.pb.objects_pb2 import ImagePins, Service, Task


def digests_for(service: Service) -> Mapping[str, str]:
    """Return image -> digest that a new task of a service is to run."""
    pins = service.image_pins
    is_of_now = pins.spec_version == service.spec_version and not service.spec.no_resolve_image
    return pins.digests if is_of_now else {}


def pins_after(service: Service, task: Task) -> ImagePins | None:
    """Return a service's pins with what a task of its present version says; None when that adds
    nothing. What is pinned stays: of several nodes the first one decides.
    """
    if service.spec.no_resolve_image or task.spec_version != service.spec_version:
        return None
    known = digests_for(service)
    said = task.status.image_digests
    added = {
        image: said[image]
        for image in images_of(service.spec.task)
        if image in said and image not in known and "@" not in image
    }
    if not added:
        return None
    return ImagePins(spec_version=service.spec_version, digests={**known, **added})
