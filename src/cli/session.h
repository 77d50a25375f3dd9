/// Where SQL runs: a server, or an engine in this process.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "format/writer.h"

namespace weir::cli {

/// Takes one answer: begin, batches, end. An error that it returns stops the query.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  /// `schema` is borrowed for the call.
  virtual Status begin(const std::vector<format::Column>& columns, const ArrowSchema& schema) = 0;
  virtual Status batch(batch::OwnedArray batch) = 0;
  /// `trailer` is the summary as REST shows it.
  virtual Status end(const nlohmann::json& trailer) = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  /// Runs one text; the last statement's rows are the answer. Errors: any that a query can have, those of the sink,
  /// server_unreachable, cancelled.
  virtual Status run(const std::string& sql, AnswerSink& sink) = 0;
  /// Makes a running `run` answer `cancelled` soon, on every source too. From any thread; without one it does nothing.
  virtual void cancel() = 0;
};

}  // namespace weir::cli
