"""The report of a run: counts, what was found, and the command that repeats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.evaluate import Findings
from tests.faults.kinds import DEFAULT_SITE, by_default
from tests.faults.schedule import Fault


@dataclass
class Report:
    """The report of a run."""

    site: str
    seed: int
    count: int
    kinds: Sequence[str]
    behind: int = 0
    """The number of the schedule's fault behind which the run begins: a long one may have several sittings."""
    faults: list[Fault] = field(default_factory=list)
    """The faults that were inflicted."""
    findings: Findings = field(default_factory=Findings)
    answers: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    broken: str = ""
    """The reason for which the run ended early: the system did not recover."""

    @property
    def is_good(self) -> bool:
        """True where the system recovered from every fault, and nothing was lost, doubled or wrong."""
        return self.findings.is_good and not self.broken

    @property
    def command(self) -> str:
        """The command that repeats the run: the same faults in the same order."""
        site = [] if self.site == DEFAULT_SITE else [f"--site {self.site}"]
        kinds = [] if [*self.kinds] == by_default(self.site) else [f"--kind '{kind}'" for kind in self.kinds]
        behind = [f"--behind {self.behind}"] if self.behind else []
        options = " ".join([*site, *kinds, *behind])
        return f"make faults SEED={self.seed} FAULTS={self.count}" + (f' ARGS="{options}"' if options else "")

    def __str__(self) -> str:
        found = self.findings
        by_kind = Counter(fault.kind for fault in self.faults)
        lines = [
            f"{len(self.faults)} of {self.count} faults, of {len(by_kind)} kinds, on {self.site} "
            f"in {self.seconds / 60:.1f} min, seed {self.seed}",
            "  " + ", ".join(f"{kind} {count}" for kind, count in sorted(by_kind.items())),
            f"{found.acknowledged} submissions acknowledged: "
            + ", ".join(f"{door} {count}" for door, count in sorted(self.served.items())),
            f"  {found.withdrawn} of them withdrawn; {found.changes} changes of verdicts",
            f"  {sum(self.answers.values())} requests sent again: "
            + ", ".join(f"{answer} {count}" for answer, count in self.answers.most_common(12)),
            f"lost {len(found.lost)}, wrong {len(found.wrong)}, doubled {len(found.doubled)}",
            "repeated under an id that the receiver knows: "
            + (", ".join(f"{what} {count}" for what, count in found.repeated.items() if count) or "nothing"),
            *found.lines(),
        ]
        if self.broken:
            lines.append(f"broken off: {self.broken}")
        lines.append(f"{'good' if self.is_good else 'NOT GOOD'}; to repeat it: {self.command}")
        return "\n".join(lines)
