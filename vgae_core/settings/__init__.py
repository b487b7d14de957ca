"""The specification of a run: every setting, its default, its bounds and its help (standard library only).

Pages, command line and documentation read them through :func:`~vgae_core.settings.fields.settings_of`.
"""

from vgae_core.settings.data import DatasetSpec as DatasetSpec
from vgae_core.settings.data import FileSpec as FileSpec
from vgae_core.settings.data import RepairSpec as RepairSpec
from vgae_core.settings.data import SplitSpec as SplitSpec
from vgae_core.settings.model import ModelSpec as ModelSpec
from vgae_core.settings.model import OutputSpec as OutputSpec
from vgae_core.settings.run import RunSpec as RunSpec
from vgae_core.settings.training import TrainingSpec as TrainingSpec
