"""Test whether the failure needs a network that answers."""

from __future__ import annotations

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps
from triage.probe.symptoms import message_of, places, uses
from triage.probe.treatment import Treatment, settle, with_instrument
from triage.text.pattern import pattern

_CONNECTION_FAILED = pattern(
    r"""
    ConnectionError | ConnectionRefused | ConnectionReset | ConnectError
    | gaierror | Name [ ] or [ ] service [ ] not [ ] known
    | Temporary [ ] failure [ ] in [ ] name [ ] resolution
    | Network [ ] is [ ] unreachable | No [ ] route [ ] to [ ] host
    | URLError | HTTPError | Max [ ] retries [ ] exceeded
    """,
    matches=["ConnectionRefusedError: [Errno 111]", "socket.gaierror: [Errno -2]", "Max retries exceeded"],
    rejects=["assert 1 == 2", "Connection pool size"],
)


def names_a_failed_connection(case: Case) -> bool:
    """Whether the failure says that a connection or a name look-up failed."""
    return _CONNECTION_FAILED.search(message_of(case)) is not None


def opens_connections(case: Case) -> bool:
    """Whether the survey saw the test use sockets."""
    return bool(uses(case, "network"))


class Network:
    """Answer every connection from inside the process."""

    name = "network"

    def investigate(self, case: Case) -> Steps:
        """Try a network that answers; where that is not enough, a failed connection is a likely cause."""
        used = [line for line in uses(case, "network") if line.get("address")]
        # A socket that is bound waits for others: its address is the test's own.
        wanted = [line for line in used if line.get("name") != "socket.bind"]
        address = str(wanted[0]["address"]) if wanted else "the network"
        addresses = tuple(dict.fromkeys(str(line["address"]) for line in wanted))
        culprits = addresses[:2] + places(wanted)
        baseline, treated = with_instrument(case.base, "network", {"answers": True})
        treatment = Treatment(
            factor=Factor(kind="network", name=address, from_="refused", to="answered"),
            kind="network",
            baseline=baseline,
            treated=treated,
            prediction=f"Where {address} answers, the test passes: it needs the network.",
            summary=f"the test needs {address} to answer, and here nothing does",
            culprits=culprits,
        )
        found = yield from settle(self.name, case, [treatment], "with a network that answers")
        if found is not None:
            return found
        if names_a_failed_connection(case):
            summary = f"the test needs {address}, which cannot be reached here; a stand-in was not enough"
            cause = RootCause(kind="network", summary=summary, culprits=culprits, confidence="likely")
            return Finding(cause=cause, facts={"tried": [treatment]})
        return Finding(excluded="a network that answers does not help", facts={"tried": [treatment]})
