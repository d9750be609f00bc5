"""The syntax-tree walk behind `constants`. libcst costs 25 MB: this module is imported only when code is looked at."""

from collections.abc import Mapping

import libcst as cst

from hive_node.operators.constants import Constant, Value


class Literals(cst.CSTTransformer):
    """Collects literals by name, and puts `values` in their place. Bodies of functions are left alone.

    bound: a name for every assignment to it, whatever is assigned.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__()
        self.values = values
        self.found: list[Constant] = []
        self.bound: list[str] = []
        self.scope: list[str] = []
        self.depth = 0

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.scope.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self.scope.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.scope.append(node.name.value)
        self.depth += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self.scope.pop()
        self.depth -= 1
        return updated_node

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._bind(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._bind(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target)

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.Assign:
        target = original_node.targets[0].target
        if self.depth or len(original_node.targets) != 1 or not isinstance(target, cst.Name):
            return updated_node
        return updated_node.with_changes(value=self._literal(target.value, updated_node.value))

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> cst.AnnAssign:
        target, value = original_node.target, updated_node.value
        if self.depth or value is None or not isinstance(target, cst.Name):
            return updated_node
        return updated_node.with_changes(value=self._literal(target.value, value))

    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> cst.Param:
        if self.depth != 1 or updated_node.default is None:
            return updated_node
        name = f"{'.'.join(self.scope)}({original_node.name.value})"
        self.bound.append(name)
        return updated_node.with_changes(default=self._literal(name, updated_node.default, is_whole=True))

    def _bind(self, target: cst.BaseExpression) -> None:
        if not self.depth and isinstance(target, cst.Name):
            self.bound.append(".".join([*self.scope, target.value]))

    def _literal(self, name: str, value: cst.BaseExpression, *, is_whole: bool = False) -> cst.BaseExpression:
        found = _value_of(value)
        if found is None:
            return value
        full = name if is_whole else ".".join([*self.scope, name])
        self.found.append(Constant(full, found))
        return (
            cst.parse_expression(repr(self.values[full]))
            if full in self.values and self.values[full] != found
            else value
        )


def _value_of(node: cst.BaseExpression) -> Value | None:
    match node:
        case cst.Integer():
            return node.evaluated_value
        case cst.Float():
            return node.evaluated_value
        case cst.SimpleString():
            text = node.evaluated_value
            return text if isinstance(text, str) else None
        case cst.Name(value="True"):
            return True
        case cst.Name(value="False"):
            return False
        case cst.UnaryOperation(operator=cst.Minus(), expression=(cst.Integer() | cst.Float()) as number):
            return -number.evaluated_value
        case _:
            return None
