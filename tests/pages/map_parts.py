"""Parts of the map as the browser gets them."""

import json
import struct


def part(at, name):
    """Return head and content of a part of the map, as the browser gets it."""
    for element in at.get("bidi_component"):
        if element.proto.component_name == "vgae_studio_map_part":
            content = element.proto.bytes
            (length,) = struct.unpack("<I", content[:4])
            head = json.loads(content[4 : 4 + length])
            if head["part"] == name:
                return head, content[4 + length :]
    raise AssertionError(f"no part {name}")
