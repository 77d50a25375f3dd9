/// The one place that decides what a source may evaluate: only what is proven to give DuckDB's own result.
#include <algorithm>

#include "plan/capabilities.h"

namespace weir::plan {
namespace {

using Verdict = std::expected<void, Refusal>;

Verdict refuse(std::string reason) { return std::unexpected(std::move(reason)); }

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::equality:
      return "equality";
    case Operation::ordering:
      return "ordering";
    case Operation::null_test:
      return "a NULL test";
    case Operation::pattern:
      return "LIKE";
    case Operation::grouping:
      return "grouping";
    case Operation::extreme:
      return "MIN and MAX";
    case Operation::sum:
      return "SUM";
  }
  return "an operation";
}

bool is_exact_number(Kind kind) {
  return kind == Kind::int16 || kind == Kind::int32 || kind == Kind::int64 || kind == Kind::uint32 ||
         kind == Kind::decimal;
}

bool comparable(const Type& left, const Type& right) {
  return left.kind == right.kind || (is_exact_number(left.kind) && is_exact_number(right.kind));
}

class Judge {
 public:
  Judge(std::span<const Column> columns, const Capabilities& capabilities)
      : columns_(columns), capabilities_(capabilities) {}

  Verdict predicate(const Expression& expression) const {
    return std::visit([this](const auto& node) { return judge(node); }, expression.node);
  }

  Verdict applied(Operation operation, const Expression& value) const {
    const auto* ref = std::get_if<ColumnRef>(&value.node);
    if (ref == nullptr) return refuse(std::string(name_of(operation)) + " is pushed for columns only");
    return column(*ref, operation);
  }

 private:
  Verdict judge(const ColumnRef& ref) const {
    if (ref.index < columns_.size() && columns_[ref.index].type.kind != Kind::boolean) {
      return refuse("column " + columns_[ref.index].name + " is not a condition");
    }
    return column(ref, Operation::equality);
  }
  Verdict judge(const Constant&) const { return refuse("a constant condition needs no source"); }

  Verdict judge(const Compare& compare) const {
    const bool equality = compare.op == Comparison::equal || compare.op == Comparison::not_equal;
    const auto operation = equality ? Operation::equality : Operation::ordering;
    const Type* types[2];
    int column_count = 0;
    for (const auto* side : {&compare.left, &compare.right}) {
      const auto* ref = std::get_if<ColumnRef>(&(*side)->node);
      const auto* value = std::get_if<Constant>(&(*side)->node);
      if (ref == nullptr && value == nullptr) return refuse("only columns and constants are compared on a source");
      auto verdict = ref != nullptr ? column(*ref, operation) : constant(*value);
      if (!verdict) return verdict;
      if (value != nullptr && value->is_null()) return refuse("a comparison with NULL needs no source");
      types[side == &compare.right] = ref != nullptr ? &columns_[ref->index].type : &value->type;
      column_count += ref != nullptr;
    }
    if (column_count == 0) return refuse("a constant condition needs no source");
    return same_types(*types[0], *types[1]);
  }

  Verdict judge(const In& in) const {
    const auto* ref = std::get_if<ColumnRef>(&in.input->node);
    if (ref == nullptr) return refuse("IN is pushed for columns only");
    if (auto verdict = column(*ref, Operation::equality); !verdict) return verdict;
    if (in.values.empty()) return refuse("an empty IN list needs no source");
    if (in.values.size() > capabilities_.in_list_length_max) {
      return refuse("IN list of " + std::to_string(in.values.size()) + " values is longer than the source takes (" +
                    std::to_string(capabilities_.in_list_length_max) + ")");
    }
    for (const auto& value : in.values) {
      if (value.is_null()) continue;  // has no value that could differ, and takes the type of the column
      if (auto verdict = constant(value); !verdict) return verdict;
      if (auto verdict = same_types(columns_[ref->index].type, value.type); !verdict) return verdict;
    }
    return {};
  }

  Verdict judge(const IsNull& test) const {
    const auto* ref = std::get_if<ColumnRef>(&test.input->node);
    if (ref == nullptr) return refuse("IS NULL is pushed for columns only");
    return column(*ref, Operation::null_test);
  }

  Verdict judge(const Like& like) const {
    const auto* ref = std::get_if<ColumnRef>(&like.input->node);
    if (ref == nullptr) return refuse("LIKE is pushed for columns only");
    if (like.pattern.find('\0') != std::string::npos) return refuse("the pattern holds a zero byte");
    return column(*ref, Operation::pattern);
  }

  Verdict judge(const And& node) const { return all(node.children); }
  Verdict judge(const Or& node) const { return all(node.children); }
  Verdict judge(const Not& node) const { return predicate(*node.child); }

  /// AND, OR and NOT have the same three-valued logic everywhere, so a tree is as good as its parts. It is taken whole:
  /// half an OR would drop rows.
  Verdict all(const std::vector<ExpressionPtr>& children) const {
    if (children.empty()) return refuse("an empty condition needs no source");
    for (const auto& child : children) {
      if (auto verdict = predicate(*child); !verdict) return verdict;
    }
    return {};
  }

  Verdict column(const ColumnRef& ref, Operation operation) const {
    if (ref.index >= columns_.size()) return refuse("the column is not part of the table");
    const auto& column = columns_[ref.index];
    // Asks nothing of the value: neither how it travels nor how it compares matters.
    const bool tests_null = operation == Operation::null_test;
    if (column.cast_to_text && !tests_null) {
      return refuse("column " + column.name + " (" + column.source_type + ") is carried as text");
    }
    const auto kind = column.type.kind;
    const auto trusted = [&](const Rule& rule) { return rule.kind == kind && rule.operation == operation; };
    if (std::ranges::none_of(capabilities_.rules, trusted)) {
      return refuse(std::string(name_of(operation)) + " on " + to_string(column.type) + " column " + column.name +
                    " is not proven equal on the source");
    }
    if (kind != Kind::text || tests_null) return {};
    if (!capabilities_.text_is_utf8) return refuse("text of the source is not known to be UTF-8");
    if (column.collation != Collation::deterministic) {
      return refuse("column " + column.name + " (" + column.source_type + ") compares by a nondeterministic collation");
    }
    return {};
  }

  static Verdict constant(const Constant& constant) {
    const auto* text = std::get_if<std::string>(&constant.value);
    const bool holds_zero = text != nullptr && text->find('\0') != std::string::npos;
    if (holds_zero && constant.type.kind != Kind::binary) return refuse("the text constant holds a zero byte");
    return {};
  }

  static Verdict same_types(const Type& left, const Type& right) {
    if (comparable(left, right)) return {};
    return refuse("comparing " + to_string(left) + " with " + to_string(right) + " is not exact on the source");
  }

  std::span<const Column> columns_;
  const Capabilities& capabilities_;
};

}  // namespace

std::expected<void, Refusal> may_push(const Expression& predicate, std::span<const Column> columns,
                                      const Capabilities& capabilities) {
  return Judge(columns, capabilities).predicate(predicate);
}

std::expected<void, Refusal> may_apply(Operation operation, const Expression& value, std::span<const Column> columns,
                                       const Capabilities& capabilities) {
  return Judge(columns, capabilities).applied(operation, value);
}

}  // namespace weir::plan
