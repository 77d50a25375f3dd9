/// How a reader's thread wakes DuckDB tasks that wait for rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <duckdb.hpp>
#include <duckdb/execution/physical_operator_states.hpp>
#include <duckdb/parallel/pipeline.hpp>

namespace weir::engine {

/// Links a source state with the threads that fill it; both sides hold it, either may go first. Thread-safe.
///
/// A task that finds nothing to read must not miss the wake-up that comes before it sleeps: it takes `signals()` before
/// it polls, and sleeps only if, under the state's lock, the number is still the same.
class Wakeup {
 public:
  explicit Wakeup(duckdb::GlobalSourceState& state) : state_(&state) {}

  /// The pipeline that owns the state; known when the first task starts.
  void attach(duckdb::Pipeline& pipeline);
  /// The state goes away. Waits for a notify that runs on another thread.
  void detach();
  /// Wakes every task that sleeps on the state.
  void notify();
  uint64_t signals() const { return signals_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  duckdb::GlobalSourceState* state_;
  duckdb::weak_ptr<duckdb::Pipeline> pipeline_;
  std::atomic<uint64_t> signals_{0};
};

}  // namespace weir::engine
