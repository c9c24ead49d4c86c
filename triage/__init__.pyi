from triage.api import Project as Project
from triage.api import TriageError as TriageError
from triage.api import open as open
