"""What is done to a graph before it is replayed or compiled."""

from facula.graph.ir import Graph
from facula.graph.passes.algebra import simplify_algebra
from facula.graph.passes.attention import join_attention
from facula.graph.passes.batch_norm import fold_batch_norm
from facula.graph.passes.constants import fold_constants
from facula.graph.passes.equal import join_equal_nodes
from facula.graph.passes.in_place import writes_in_place, written_arguments
from facula.graph.passes.whole_parts import join_parts

__all__ = [
    "fold_batch_norm", "fold_constants", "join_attention", "join_equal_nodes", "join_parts", "simplify", "simplify_algebra", "writes_in_place",
    "written_arguments",
]  # fmt: skip


def simplify(graph: Graph, is_differentiable: bool = False) -> None:
    """All passes. Where a replay must be differentiable, nodes stay what the tape recorded."""
    join_equal_nodes(graph)
    graph.prune()
    if is_differentiable:
        return
    join_parts(graph)
    simplify_algebra(graph)
    fold_constants(graph)
    if join_attention(graph) + fold_batch_norm(graph):
        simplify_algebra(graph)
    join_equal_nodes(graph)
    graph.prune()
