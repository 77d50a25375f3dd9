/// Stopping one query from any thread, and why it was stopped.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include <duckdb.hpp>

#include "base/result.h"
#include "engine/query_context.h"

namespace weir::engine {

/// Thread-safe. Shared by the query, the deadlines and the query log.
class Interruption {
 public:
  Interruption(duckdb::shared_ptr<duckdb::ClientContext> client, duckdb::shared_ptr<QueryContext> query)
      : client_(std::move(client)), query_(std::move(query)) {}

  /// Stops the query in DuckDB, on every source and in the writers' queue. The first reason stays.
  void stop(Error reason);
  /// Why the query must not go on; nothing while it may.
  std::optional<Error> reason() const;
  bool stopped() const { return source_.stop_requested(); }
  std::stop_token token() const { return source_.get_token(); }
  /// The query is over: `stop` does nothing from now on.
  void release();

 private:
  mutable std::mutex mutex_;
  std::stop_source source_;
  std::optional<Error> reason_;
  duckdb::shared_ptr<duckdb::ClientContext> client_;
  duckdb::shared_ptr<QueryContext> query_;
};

}  // namespace weir::engine
