"""Files that hold files: archives, and single files that are compressed."""
