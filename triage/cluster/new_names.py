"""Say under which name a test or a file goes after some were renamed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.model.cluster import Cluster, Why
from triage.model.journal import Event, FilesMoved, Relocation
from triage.model.nodeid import file_of, without_parameters


class NewNames:
    """Renamings of one event, all at once: two files may have exchanged their names."""

    def __init__(self, moves: Iterable[Relocation]) -> None:
        self._files: dict[str, str] = {}
        self._tests: dict[str, str] = {}
        for move in moves:
            names = self._tests if "::" in move.old else self._files
            names[move.old] = move.new

    def of_test(self, nodeid: str) -> str:
        """The node id of a test under its new name."""
        test, bracket, parameters = nodeid.partition("[")
        if test in self._tests:
            return self._tests[test] + bracket + parameters
        file, colons, rest = nodeid.partition("::")
        return self._files.get(file, file) + colons + rest

    def of_why(self, why: Why) -> Why:
        """A reason of a cluster that names a file or a place in one."""
        match why.kind:
            case "file":
                detail = self._files.get(why.detail, why.detail)
            case "frame":  # path:function
                file, colon, function = why.detail.rpartition(":")
                detail = self._files.get(file, file) + colon + function
            case _:
                return why
        return why.model_copy(update={"detail": detail})


def moves_of(cluster: Cluster, events: Sequence[Event]) -> set[str]:
    """Ids of the events that gave members of the cluster, or places that it names, the names of today."""
    names = {without_parameters(nodeid) for nodeid in cluster.members}
    names |= {file_of(nodeid) for nodeid in cluster.members}
    names |= {why.detail.rpartition(":")[0] for why in cluster.why if why.kind == "frame"}
    found = set()
    for event in reversed(events):
        if isinstance(event, FilesMoved):
            own = [move.old for move in event.moves if move.new in names]
            if own:
                found.add(event.id)
                names.update(own)
    return found
