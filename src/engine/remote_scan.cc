#include "engine/remote_scan.h"

#include <duckdb/execution/physical_plan_generator.hpp>
#include <fmt/format.h>

#include "engine/arrow_vectors.h"
#include "engine/pushdown_estimate.h"
#include "engine/wakeup.h"

namespace weir::engine {
namespace {

using connector::BatchStream;
using duckdb::idx_t;
using duckdb::SourceResultType;

/// A scan that is expected to bring fewer rows than this is converted by one task.
constexpr uint64_t kRowsForParallelMin = 100'000;

class RemoteScanState final : public duckdb::GlobalSourceState {
 public:
  RemoteScanState(duckdb::ClientContext& client, std::shared_ptr<const ReadOrder> order)
      : wakeup_(std::make_shared<Wakeup>(*this)) {
    auto& federation = Federation::of(client);
    const bool large = order->scan.estimated_rows >= kRowsForParallelMin;
    tasks_max_ = large ? static_cast<idx_t>(std::max(1, federation.read_options().streams_max)) : 1;
    read_ = RemoteRead::start(federation, std::move(order), QueryContext::of(client),
                              [wakeup = wakeup_] { wakeup->notify(); });
  }
  ~RemoteScanState() override {
    wakeup_->detach();
    read_->finish();
  }

  idx_t MaxThreads() override { return tasks_max_; }
  Wakeup& wakeup() { return *wakeup_; }
  RemoteRead& read() { return *read_; }

 private:
  std::shared_ptr<Wakeup> wakeup_;
  std::shared_ptr<RemoteRead> read_;
  idx_t tasks_max_ = 1;
};

/// A task's batch, handed on chunk by chunk.
class RemoteScanTask final : public duckdb::LocalSourceState {
 public:
  void take(connector::Batch batch) {
    batch_ = std::make_shared<const connector::Batch>(std::move(batch));
    owner_ = own(batch_);
    row_ = 0;
  }

  /// False when the batch is used up.
  bool emit(const RemoteScanPlan& plan, duckdb::DataChunk& chunk) {
    if (!batch_ || row_ >= batch_->rows) return false;
    const auto count = std::min<int64_t>(batch_->rows - row_, STANDARD_VECTOR_SIZE);
    const auto& scan = plan.order->scan;
    for (size_t i = 0; i < plan.outputs.size(); ++i) {
      auto& vector = chunk.data[i];
      if (!plan.outputs[i]) {
        vector.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
        duckdb::ConstantVector::SetNull(vector, true);
        continue;
      }
      const size_t position = *plan.outputs[i];
      fill_vector(vector, scan.columns[scan.projection[position]].type, *batch_->columns->children[position],
                  batch_->columns->offset + row_, count, owner_);
    }
    chunk.SetCardinality(static_cast<idx_t>(count));
    row_ += count;
    return true;
  }

 private:
  std::shared_ptr<const connector::Batch> batch_;
  BatchOwner owner_;
  int64_t row_ = 0;
};

duckdb::InsertionOrderPreservingMap<duckdb::string> describe_scan(const ReadOrder& order, idx_t estimated_rows) {
  const auto summary = order.record->summary();
  duckdb::InsertionOrderPreservingMap<duckdb::string> shown;
  shown["Table"] = summary.source + "." + summary.table;
  std::vector<std::string> columns;
  for (const size_t index : order.scan.projection) columns.push_back(order.scan.columns[index].name);
  shown["Projections"] = columns.empty() ? "(row count only)" : fmt::format("{}", fmt::join(columns, "\n"));
  const auto show_list = [&shown](const char* key, const std::vector<std::string>& values) {
    if (!values.empty()) shown[key] = fmt::format("{}", fmt::join(values, "\n"));
  };
  show_list("Filters Pushed", summary.filters_pushed);
  show_list("Filters Residual", summary.filters_residual);
  show_list("Aggregates Pushed", summary.agg_pushed);
  show_list("Order Pushed", summary.sort_pushed);
  if (summary.limit_pushed) shown["Limit Pushed"] = std::to_string(*summary.limit_pushed);
  show_list("Stays Here", summary.residual_reasons);
  duckdb::PhysicalOperator::SetEstimatedCardinality(shown, estimated_rows);
  return shown;
}

}  // namespace

LogicalRemoteScan::LogicalRemoteScan(duckdb::unique_ptr<duckdb::LogicalGet> get, RemoteScanPlan plan)
    : get_(std::move(get)), plan_(std::move(plan)) {
  SetEstimatedCardinality(plan_.order->scan.estimated_rows);
}

duckdb::string LogicalRemoteScan::GetName() const { return "REMOTE_SCAN"; }

duckdb::InsertionOrderPreservingMap<duckdb::string> LogicalRemoteScan::ParamsToString() const {
  return describe_scan(*plan_.order, estimated_cardinality);
}

void LogicalRemoteScan::ResolveTypes() {
  get_->ResolveOperatorTypes();
  types = get_->types;
}

duckdb::PhysicalOperator& LogicalRemoteScan::CreatePlan(duckdb::ClientContext&,
                                                        duckdb::PhysicalPlanGenerator& planner) {
  const duckdb::PhysicalTableScan* placeholder = nullptr;
  if (plan_.dynamic) {
    placeholder = &planner
                       .Make<duckdb::PhysicalTableScan>(
                           types, get_->function, nullptr, duckdb::vector<duckdb::LogicalType>(),
                           duckdb::vector<duckdb::ColumnIndex>(), duckdb::vector<idx_t>(),
                           duckdb::vector<duckdb::string>(), nullptr, estimated_cardinality,
                           duckdb::ExtraOperatorInfo(), duckdb::vector<duckdb::Value>(), duckdb::virtual_column_map_t())
                       .Cast<duckdb::PhysicalTableScan>();
  }
  return planner.Make<PhysicalRemoteScan>(types, estimated_cardinality, plan_, placeholder);
}

PhysicalRemoteScan::PhysicalRemoteScan(duckdb::PhysicalPlan& physical_plan, duckdb::vector<duckdb::LogicalType> types,
                                       idx_t estimated_cardinality, RemoteScanPlan plan,
                                       const duckdb::PhysicalTableScan* placeholder)
    : PhysicalOperator(physical_plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types), estimated_cardinality),
      plan_(std::move(plan)),
      placeholder_(placeholder) {}

std::shared_ptr<const ReadOrder> PhysicalRemoteScan::order() const {
  const auto& planned = *plan_.order;
  if (!plan_.dynamic || planned.scan.limit) return plan_.order;  // a LIMIT was promised any rows, not these
  const auto capabilities = planned.connector->source->capabilities();
  if (!capabilities) return plan_.order;
  const auto sent = plan_.dynamic.keys(*placeholder_, *planned.info, planned.scan.estimated_rows, *capabilities);
  planned.record->add_reasons(sent.reasons);
  if (sent.filters.empty()) return plan_.order;
  auto order = std::make_shared<ReadOrder>(planned);
  order->scan.filters.insert(order->scan.filters.end(), sent.filters.begin(), sent.filters.end());
  order->scan.estimated_rows = std::min(planned.scan.estimated_rows, estimate_rows(*planned.info, order->scan.filters));
  order->record->add_filters(sent.filters, planned.scan.columns);
  return order;
}

duckdb::string PhysicalRemoteScan::GetName() const { return "REMOTE_SCAN"; }

duckdb::InsertionOrderPreservingMap<duckdb::string> PhysicalRemoteScan::ParamsToString() const {
  return describe_scan(*plan_.order, estimated_cardinality);
}

duckdb::unique_ptr<duckdb::GlobalSourceState> PhysicalRemoteScan::GetGlobalSourceState(
    duckdb::ClientContext& client) const {
  return duckdb::make_uniq<RemoteScanState>(client, order());
}

duckdb::unique_ptr<duckdb::LocalSourceState> PhysicalRemoteScan::GetLocalSourceState(
    duckdb::ExecutionContext& context, duckdb::GlobalSourceState& global) const {
  if (context.pipeline) static_cast<RemoteScanState&>(global).wakeup().attach(*context.pipeline);
  return duckdb::make_uniq<RemoteScanTask>();
}

duckdb::ProgressData PhysicalRemoteScan::GetProgress(duckdb::ClientContext&, duckdb::GlobalSourceState& global) const {
  const auto rows = static_cast<RemoteScanState&>(global).read().rows();
  duckdb::ProgressData progress;
  progress.total = static_cast<double>(std::max<uint64_t>(plan_.order->scan.estimated_rows, 1));
  progress.done = std::min(static_cast<double>(rows), progress.total);
  return progress;
}

SourceResultType PhysicalRemoteScan::GetDataInternal(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                                     duckdb::OperatorSourceInput& input) const {
  auto& state = static_cast<RemoteScanState&>(input.global_state);
  auto& task = static_cast<RemoteScanTask&>(input.local_state);
  while (!task.emit(plan_, chunk)) {
    const auto signals = state.wakeup().signals();
    auto polled = state.read().poll();
    if (!polled) throw_error(context.client, std::move(polled.error()));
    if (polled->state == BatchStream::State::end) return SourceResultType::FINISHED;
    if (polled->state == BatchStream::State::batch) {
      task.take(std::move(polled->batch));
      continue;
    }
    const auto guard = state.Lock();
    if (state.wakeup().signals() == signals) return state.BlockSource(guard, input.interrupt_state);
  }
  return SourceResultType::HAVE_MORE_OUTPUT;
}

}  // namespace weir::engine
