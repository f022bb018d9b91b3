"""Wrong answers, made from a solution by changing an operator, a sign, a constant, a name or the order of lines."""

import ast
import copy
import random

_OTHER = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.LtE: (ast.Gt, ast.GtE),
    ast.Gt: (ast.LtE,),
}


class _Places(ast.NodeVisitor):
    """The nodes of a tree that can be changed, each with the changes that are possible."""

    def __init__(self, tree):
        self.found, self._names = [], []
        self.visit(tree)
        local = sorted(
            {node.id for node in self._names if isinstance(node.ctx, ast.Store)} | {a.arg for a in _arguments(tree)}
        )
        for node in self._names:
            if isinstance(node.ctx, ast.Load) and node.id in local:
                self.found += [(node, "id", other) for other in local if other != node.id]

    def visit_BinOp(self, node):
        for other in _OTHER.get(type(node.op), ()):
            self.found.append((node, "op", other()))
        self.found.append((node, "swap", None))
        self.generic_visit(node)

    def visit_Compare(self, node):
        for other in _OTHER.get(type(node.ops[0]), ()):
            self.found.append((node, "ops", [other()]))
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        self.found.append((node, "drop", None))
        self.generic_visit(node)

    def visit_Constant(self, node):
        if type(node.value) in (int, float):
            for value in (node.value + 1, node.value - 1, -node.value or 2):
                self.found.append((node, "value", value))
        self.generic_visit(node)

    def visit_Name(self, node):
        self._names.append(node)

    def visit_Attribute(self, node):
        for one, other in (("assign_sub", "assign_add"), ("reduce_mean", "reduce_sum"), ("append", "insert")):
            pair = {one: other, other: one}
            if node.attr in pair:
                self.found.append((node, "attr", pair[node.attr]))
        self.generic_visit(node)

    def _of_lines(self, node):
        body = node.body
        for n in range(len(body) - 1):
            self.found.append((node, "exchange", n))
        if len(body) > 1:
            self.found += [(node, "delete", n) for n in range(len(body))]
        self.generic_visit(node)

    visit_FunctionDef = visit_For = visit_With = visit_If = _of_lines  # noqa: N815

    def visit_Call(self, node):
        self.found += [(node, "fewer", n) for n in range(len(node.keywords))]
        if len(node.args) == 1:
            self.found.append((node, "inner", None))
        if len(node.args) == 2:
            self.found.append((node, "turned", None))
        self.generic_visit(node)


def _arguments(tree):
    return [a for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for a in node.args.args]


def _change(node, how, value):
    if how in ("op", "ops", "value", "id", "attr"):
        setattr(node, how, value)
    elif how == "swap":
        node.left, node.right = node.right, node.left
    elif how == "exchange":
        node.body[value : value + 2] = node.body[value : value + 2][::-1]
    elif how == "delete":
        del node.body[value]
    elif how == "fewer":
        del node.keywords[value]
    elif how == "turned":
        node.args.reverse()
    elif how == "drop":
        _become(node, node.operand)
    elif how == "inner":
        _become(node, node.args[0])


def _become(node, other):
    """Let a node of a tree be another one."""
    node.__class__, node.__dict__ = other.__class__, other.__dict__


def mutants(source, count, seed):
    """Yield so many different sources, each with one change, or two, or three."""
    chance, seen = random.Random(seed), {ast.unparse(ast.parse(source))}
    for _ in range(50 * count):
        tree = ast.parse(source)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
            _change(*chance.choice(_Places(tree).found))
        tree = copy.deepcopy(tree)
        try:
            text = ast.unparse(ast.fix_missing_locations(tree))
            compile(text, "mutant", "exec")
        except (SyntaxError, ValueError, AttributeError, TypeError, RecursionError):
            continue
        if text not in seen:
            seen.add(text)
            yield text
            count -= 1
            if not count:
                return
