"""What a disk holds is whole: JSON, arrays, the log of events, and the room for them."""
