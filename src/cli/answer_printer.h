/// Writes answers to standard output.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "cli/console.h"
#include "cli/session.h"
#include "format/writer.h"

namespace weir::cli {

struct PrintOptions {
  format::Format format = format::Format::table;
  bool summary = false;  ///< show `pushdown_summary` and freshness on standard error
};

/// Prints one answer. Rows that a table holds back to find its widths are shown after a second, however few they are.
class AnswerPrinter final : public AnswerSink {
 public:
  AnswerPrinter(PrintOptions options, Console& console) : options_(options), console_(console) {}

  Status begin(const std::vector<format::Column>& columns, const ArrowSchema& schema) override;
  Status batch(batch::OwnedArray batch) override;
  Status end(const nlohmann::json& trailer) override;
  /// Ends what has begun so that it stays readable (JSON is closed, held back rows of a table are shown).
  void fail(const Error& error);

 private:
  Status flush();
  void show_held_rows(const std::stop_token& stop);

  PrintOptions options_;
  Console& console_;
  std::mutex mutex_;  ///< of all below but the thread
  std::unique_ptr<format::Writer> writer_;
  bool silent_ = false;
  std::string buffer_;
  Status shown_;  ///< how writing the held rows ended
  std::condition_variable_any ended_;
  std::jthread impatience_;  ///< runs from a table's first batch on; last, so that it ends before what it uses
};

}  // namespace weir::cli
