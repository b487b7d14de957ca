"""How training and tasks step back behind the pages."""

import subprocess
import sys
from pathlib import Path

import pytest

from vgae_core.runs.processes.background import NICENESS

SESSION = Path("/proc/self/autogroup")
SAY = f"""
import os
from pathlib import Path
from vgae_core.runs.processes.background import step_back
before = os.nice(0)
step_back()
print(os.nice(0) - before, Path("{SESSION}").read_text().split()[-1])
"""


@pytest.mark.skipif(
    not (SESSION.exists() and SESSION.read_text().strip()), reason="no scheduling by session on this system"
)
@pytest.mark.parametrize("leads", [True, False])
def test_a_process_steps_back_with_the_session_that_it_leads(leads):
    before = SESSION.read_text().split()[-1]
    done = subprocess.run(
        [sys.executable, "-c", SAY], capture_output=True, text=True, check=True, start_new_session=leads
    )
    assert done.stdout.split() == [str(NICENESS), str(NICENESS) if leads else before]
