#include "engine/key_exclusion.h"

#include <array>
#include <mutex>
#include <span>

#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/execution/column_binding_resolver.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/parallel/meta_pipeline.hpp>
#include <duckdb/parallel/pipeline.hpp>
#include <duckdb/parallel/thread_context.hpp>
#include <duckdb/planner/expression/bound_reference_expression.hpp>
#include <duckdb/planner/operator/logical_comparison_join.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/excluded_keys.h"
#include "lake/hot.h"

namespace weir::engine {
namespace {

using duckdb::idx_t;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using duckdb::PhysicalType;

/// More hot rows than a fold leaves behind: such a join may spill, which this operator does not.
constexpr idx_t kKeysMax = 2'000'000;
constexpr size_t kKeyColumnsMax = 2;

/// The columns of a key in a chunk, as the keys of a set.
class KeyReader {
 public:
  explicit KeyReader(const std::vector<idx_t>& columns) : columns_(columns) {}

  void read(duckdb::DataChunk& chunk) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      auto& vector = chunk.data[columns_[i]];
      vector.ToUnifiedFormat(chunk.size(), formats_[i]);
      fill(i, vector.GetType().InternalType(), chunk.size());
    }
  }
  ExcludedKey key(idx_t row) const { return {low_[row], has_high_ ? high_[row] : 0}; }
  /// The rows whose keys are not in `excluded` are written to `kept`; how many.
  idx_t keep(const ExcludedKeys& excluded, idx_t rows, uint32_t* kept) const {
    return excluded.keep(std::span(low_).first(rows), std::span(high_).first(has_high_ ? rows : 0), kept);
  }
  bool is_null(idx_t row) const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!formats_[i].validity.RowIsValid(formats_[i].sel->get_index(row))) return true;
    }
    return false;
  }
  bool may_be_null() const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!formats_[i].validity.AllValid()) return true;
    }
    return false;
  }

 private:
  void fill(size_t column, PhysicalType type, idx_t rows) {
    switch (type) {
      case PhysicalType::INT16:
        return fill_with<int16_t>(column, rows);
      case PhysicalType::INT32:
        return fill_with<int32_t>(column, rows);
      case PhysicalType::UINT32:
        return fill_with<uint32_t>(column, rows);
      case PhysicalType::INT64:
        return fill_with<int64_t>(column, rows);
      default:
        return fill_with<duckdb::hugeint_t>(column, rows);
    }
  }
  template <typename T>
  void fill_with(size_t column, idx_t rows) {
    const auto& format = formats_[column];
    const auto* values = duckdb::UnifiedVectorFormat::GetData<T>(format);
    [[maybe_unused]] auto& half = column == 0 ? low_ : high_;
    has_high_ = column == 1 || std::is_same_v<T, duckdb::hugeint_t>;
    for (idx_t row = 0; row < rows; ++row) {
      const T& value = values[format.sel->get_index(row)];
      if constexpr (std::is_same_v<T, duckdb::hugeint_t>) {
        low_[row] = value.lower;
        high_[row] = static_cast<uint64_t>(value.upper);
      } else {
        half[row] = static_cast<uint64_t>(value);
      }
    }
  }

  const std::vector<idx_t>& columns_;
  std::array<duckdb::UnifiedVectorFormat, kKeyColumnsMax> formats_;
  std::array<uint64_t, STANDARD_VECTOR_SIZE> low_, high_;
  bool has_high_ = false;
};

class CollectedKeys final : public duckdb::GlobalSinkState {
 public:
  std::mutex mutex;
  std::vector<ExcludedKey> gathered;
  ExcludedKeys keys;
};

class TaskKeys final : public duckdb::LocalSinkState {
 public:
  explicit TaskKeys(const std::vector<idx_t>& columns) : reader(columns) {}
  KeyReader reader;
  std::vector<ExcludedKey> gathered;
};

class ExclusionState final : public duckdb::OperatorState {
 public:
  explicit ExclusionState(const std::vector<idx_t>& columns) : reader(columns), kept(STANDARD_VECTOR_SIZE) {}
  void Finalize(const duckdb::PhysicalOperator& op, duckdb::ExecutionContext& context) override {
    context.thread.profiler.Flush(op);
  }
  KeyReader reader;
  duckdb::SelectionVector kept;
};

struct KeyColumns {
  std::vector<idx_t> rows, excluded;
};

/// Children: the rows, and what holds the keys that are excluded.
class PhysicalKeyExclusion final : public duckdb::PhysicalOperator {
 public:
  PhysicalKeyExclusion(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                       idx_t estimated_cardinality, KeyColumns keys, duckdb::vector<idx_t> projection)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types), estimated_cardinality),
        keys_(std::move(keys)),
        projection_(std::move(projection)) {}

  duckdb::string GetName() const override { return "KEY_EXCLUSION"; }

  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return true; }
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(duckdb::ClientContext&) const override {
    return duckdb::make_uniq<CollectedKeys>();
  }
  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(duckdb::ExecutionContext&) const override {
    return duckdb::make_uniq<TaskKeys>(keys_.excluded);
  }
  duckdb::SinkResultType Sink(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& task = input.local_state.Cast<TaskKeys>();
    task.reader.read(chunk);
    for (idx_t row = 0; row < chunk.size(); ++row) {
      if (!task.reader.is_null(row)) task.gathered.push_back(task.reader.key(row));
    }
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }
  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext&,
                                        duckdb::OperatorSinkCombineInput& input) const override {
    auto& all = input.global_state.Cast<CollectedKeys>();
    const auto& gathered = input.local_state.Cast<TaskKeys>().gathered;
    const std::lock_guard lock(all.mutex);
    all.gathered.insert(all.gathered.end(), gathered.begin(), gathered.end());
    return duckdb::SinkCombineResultType::FINISHED;
  }
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, duckdb::ClientContext&,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& all = input.global_state.Cast<CollectedKeys>();
    all.keys = ExcludedKeys(all.gathered);
    all.gathered = {};
    return duckdb::SinkFinalizeType::READY;
  }

  bool ParallelOperator() const override { return true; }
  duckdb::unique_ptr<duckdb::OperatorState> GetOperatorState(duckdb::ExecutionContext&) const override {
    return duckdb::make_uniq<ExclusionState>(keys_.rows);
  }
  duckdb::OperatorResultType Execute(duckdb::ExecutionContext&, duckdb::DataChunk& input, duckdb::DataChunk& chunk,
                                     duckdb::GlobalOperatorState&, duckdb::OperatorState& own) const override {
    auto& state = own.Cast<ExclusionState>();
    const auto& keys = sink_state->Cast<CollectedKeys>().keys;
    const auto kept = keys.empty() ? input.size() : keep(keys, input, state);
    for (size_t i = 0; i < projection_.size(); ++i) chunk.data[i].Reference(input.data[projection_[i]]);
    chunk.SetCardinality(input.size());
    if (kept < input.size()) chunk.Slice(state.kept, kept);
    return duckdb::OperatorResultType::NEED_MORE_INPUT;
  }

  void BuildPipelines(duckdb::Pipeline& current, duckdb::MetaPipeline& meta_pipeline) override {
    op_state.reset();
    sink_state.reset();
    meta_pipeline.GetState().AddPipelineOperator(current, *this);
    meta_pipeline.CreateChildMetaPipeline(current, *this, duckdb::MetaPipelineType::JOIN_BUILD).Build(children[1]);
    children[0].get().BuildPipelines(current, meta_pipeline);
  }
  duckdb::vector<duckdb::const_reference<duckdb::PhysicalOperator>> GetSources() const override {
    return children[0].get().GetSources();
  }

 private:
  static idx_t keep(const ExcludedKeys& excluded, duckdb::DataChunk& input, ExclusionState& state) {
    state.reader.read(input);
    if (!state.reader.may_be_null()) return state.reader.keep(excluded, input.size(), state.kept.data());
    idx_t kept = 0;
    for (idx_t row = 0; row < input.size(); ++row) {
      if (state.reader.is_null(row) || !excluded.contains(state.reader.key(row))) state.kept.set_index(kept++, row);
    }
    return kept;
  }

  const KeyColumns keys_;
  const duckdb::vector<idx_t> projection_;  ///< of the rows' columns
};

/// As the join that it replaces: same bindings, same types.
class LogicalKeyExclusion final : public duckdb::LogicalExtensionOperator {
 public:
  explicit LogicalKeyExclusion(duckdb::LogicalComparisonJoin& join) : projection_(std::move(join.left_projection_map)) {
    for (auto& condition : join.conditions) expressions.push_back(std::move(condition.left));
    for (auto& condition : join.conditions) expressions.push_back(std::move(condition.right));
    children = std::move(join.children);
    SetEstimatedCardinality(join.estimated_cardinality);
  }

  duckdb::vector<duckdb::ColumnBinding> GetColumnBindings() override {
    return MapBindings(children[0]->GetColumnBindings(), projection_);
  }
  duckdb::string GetName() const override { return "KEY_EXCLUSION"; }
  bool HasProjectionMap() const override { return !projection_.empty(); }
  bool SupportSerialization() const override { return false; }

  /// The second half of the expressions looks at the second child.
  void ResolveColumnBindings(duckdb::ColumnBindingResolver& resolver,
                             duckdb::vector<duckdb::ColumnBinding>& bindings) override {
    const auto columns = expressions.size() / 2;
    for (size_t side = 0; side < 2; ++side) {
      resolver.VisitOperator(*children[side]);
      for (size_t i = 0; i < columns; ++i) resolver.VisitExpression(&expressions[side * columns + i]);
    }
    bindings = GetColumnBindings();
  }

  duckdb::PhysicalOperator& CreatePlan(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator& planner) override {
    KeyColumns keys;
    for (size_t i = 0; i < expressions.size(); ++i) {
      auto& side = i < expressions.size() / 2 ? keys.rows : keys.excluded;
      side.push_back(expressions[i]->Cast<duckdb::BoundReferenceExpression>().index);
    }
    auto projection = projection_;
    for (idx_t i = 0; projection.size() < types.size() && projection_.empty(); ++i) projection.push_back(i);
    auto& rows = planner.CreatePlan(*children[0]);
    auto& excluded = planner.CreatePlan(*children[1]);
    auto& exclusion = planner.Make<PhysicalKeyExclusion>(types, estimated_cardinality, std::move(keys), projection);
    exclusion.children.push_back(rows);
    exclusion.children.push_back(excluded);
    return exclusion;
  }

 protected:
  void ResolveTypes() override { types = MapTypes(children[0]->types, projection_); }

 private:
  const duckdb::vector<idx_t> projection_;  ///< empty: all columns
};

/// Whether it gives nothing but rows of one hot table, and not too many.
bool reads_hot_table(duckdb::ClientContext& client, LogicalOperator& op) {
  if (op.type == LogicalOperatorType::LOGICAL_PROJECTION || op.type == LogicalOperatorType::LOGICAL_FILTER) {
    return reads_hot_table(client, *op.children[0]);
  }
  if (op.type != LogicalOperatorType::LOGICAL_GET) return false;
  const auto table = op.Cast<duckdb::LogicalGet>().GetTable();
  return table && table->ParentCatalog().GetName() == lake::kHotCatalog && op.EstimateCardinality(client) <= kKeysMax;
}

/// Bytes of a column of a key; nothing for types whose equality is not that of their bytes, and long ones.
size_t key_bytes(const duckdb::LogicalType& type) {
  switch (type.InternalType()) {
    case PhysicalType::INT16:
    case PhysicalType::INT32:
    case PhysicalType::UINT32:
    case PhysicalType::INT64:
      return sizeof(uint64_t);
    case PhysicalType::INT128:
      return sizeof(ExcludedKey);
    default:
      return 0;
  }
}

bool has_short_key(const duckdb::LogicalComparisonJoin& join) {
  size_t bytes = 0;
  for (const auto& condition : join.conditions) {
    const auto& type = condition.left->return_type;
    const bool plain = condition.comparison == duckdb::ExpressionType::COMPARE_EQUAL &&
                       condition.left->GetExpressionType() == duckdb::ExpressionType::BOUND_COLUMN_REF &&
                       condition.right->GetExpressionType() == duckdb::ExpressionType::BOUND_COLUMN_REF &&
                       condition.right->return_type == type;
    if (!plain || key_bytes(type) == 0) return false;
    bytes += key_bytes(type);
  }
  return bytes > 0 && bytes <= sizeof(ExcludedKey);
}

bool is_replaceable(duckdb::ClientContext& client, LogicalOperator& op) {
  if (op.type != LogicalOperatorType::LOGICAL_COMPARISON_JOIN) return false;
  const auto& join = op.Cast<duckdb::LogicalComparisonJoin>();
  return join.join_type == duckdb::JoinType::ANTI && !join.predicate && has_short_key(join) &&
         reads_hot_table(client, *join.children[1]);
}

void replace_joins(duckdb::ClientContext& client, duckdb::unique_ptr<LogicalOperator>& plan) {
  for (auto& child : plan->children) replace_joins(client, child);
  if (!is_replaceable(client, *plan)) return;
  auto exclusion = duckdb::make_uniq<LogicalKeyExclusion>(plan->Cast<duckdb::LogicalComparisonJoin>());
  plan = std::move(exclusion);
}

}  // namespace

duckdb::OptimizerExtension key_exclusion_rule() {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = [](duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<LogicalOperator>& plan) {
    replace_joins(input.context, plan);
  };
  return extension;
}

}  // namespace weir::engine
