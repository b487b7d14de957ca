"""How a process that trains or works in the background is set up, ended, and compared with ours."""
