/// Writes answers to standard output.
#pragma once

#include <memory>
#include <string>

#include "cli/console.h"
#include "cli/session.h"
#include "format/writer.h"

namespace weir::cli {

struct PrintOptions {
  format::Format format = format::Format::table;
  bool summary = false;  ///< show `pushdown_summary` and freshness on standard error
};

/// Prints one answer.
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

  PrintOptions options_;
  Console& console_;
  std::unique_ptr<format::Writer> writer_;
  bool silent_ = false;
  std::string buffer_;
};

}  // namespace weir::cli
