/// For tests: a session that remembers what it was asked.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/session.h"
#include "format/answer_fixture.h"

namespace weir::cli {

/// Answers every statement with one row, except one that ends in FAIL (an error) or WAIT (runs until it is cancelled).
class FakeSession final : public Session {
 public:
  Status run(const std::string& sql, AnswerSink& sink) override {
    texts.push_back(sql);
    if (sql.ends_with("FAIL")) return fail(ErrorCode::invalid_query, "refused");
    if (sql.ends_with("WAIT")) return wait_for_cancel();
    const format::TestAnswer answer({format::column("n", "INTEGER", arrow::int32(), "[1]")});
    const auto schema = answer.schema();
    WEIR_TRY(sink.begin(answer.columns, *schema.get()));
    WEIR_TRY(sink.batch(answer.exported()));
    return sink.end({{"row_count", 1}});
  }
  void cancel() override {
    cancelled_ = true;
    cancelled_.notify_all();
  }
  std::vector<std::string> texts;

 private:
  Status wait_for_cancel() {
    // Tells the test that a signal can come.
    if (::write(STDERR_FILENO, "waiting\n", 8) != 8) return fail(ErrorCode::io_error, "no standard error");
    cancelled_.wait(false);
    cancelled_ = false;
    return fail(ErrorCode::cancelled, "cancelled");
  }

  std::atomic<bool> cancelled_ = false;
};

}  // namespace weir::cli
