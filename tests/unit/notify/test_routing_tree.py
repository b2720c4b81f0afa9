"""The routing tree of a plan: its default receivers, and what a branch has from its parent."""

from __future__ import annotations

from services.notify.routing.tree import Tree
from shared.contracts.bilingual import Bilingual
from shared.reference.models import Branch
from shared.reference.models.plan import DistributionEntry
from tests.changes import REFERENCE

ROOT_SAYS, CHILD_SAYS = Bilingual(vi="Của cả kế hoạch", en="The whole plan's"), Bilingual(vi="Riêng", en="Its own")


def a_tree(**of_root: object) -> Tree:
    """Build the tree of a plan whose list has three entries, with a child that says nothing and one that does."""
    children = [
        Branch(id="silent"),
        Branch(id="telling", to=["district_office"], because=CHILD_SAYS),
    ]
    root = Branch.model_validate({"id": "root", "because": ROOT_SAYS, "branches": children, **of_root})
    entries = [
        DistributionEntry(line=1, text="", roles=["coordination_office", "poverty_division"], receives="alerts"),
        DistributionEntry(line=2, text="", roles=["provincial_committee"], receives="report"),
        DistributionEntry(line=3, text="", roles=["coordination_office"], receives="alerts"),
    ]
    return Tree.of(REFERENCE.plan.model_copy(update={"routing": root, "distribution": entries}))


def test_without_roles_of_its_own_the_root_tells_those_of_the_distribution_list_who_receive_alerts_each_once() -> None:
    tree = a_tree()
    assert tree.root.to == ["coordination_office", "poverty_division"]
    assert tree.branches["silent"].to == tree.root.to
    assert a_tree(to=["labour_division"]).root.to == ["labour_division"]


def test_a_branch_has_its_parents_roles_and_words_where_it_says_none() -> None:
    branches = a_tree(to=["labour_division"]).branches
    assert (branches["silent"].to, branches["silent"].because) == (["labour_division"], ROOT_SAYS)
    assert (branches["telling"].to, branches["telling"].because) == (["district_office"], CHILD_SAYS)
