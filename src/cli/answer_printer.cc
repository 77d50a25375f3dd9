/// Chooses the writer and keeps its buffer small.
#include "cli/answer_printer.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "format/table_writer.h"

namespace weir::cli {
namespace {

/// A person who waits for rows sees the first ones after so long.
constexpr std::chrono::seconds kHeldMax{1};

std::unique_ptr<format::Writer> choose_writer(format::Format wanted, const std::vector<format::Column>& columns,
                                              Console& console) {
  if (wanted != format::Format::table) return format::make_writer(wanted);
  if (format::is_plan(columns)) return format::make_plan_writer();
  return format::make_table_writer(console.table_on_out());
}

}  // namespace

Status AnswerPrinter::begin(const std::vector<format::Column>& columns, const ArrowSchema& schema) {
  const std::lock_guard lock(mutex_);
  // In CSV a statement without rows would be a header that nobody asked for.
  silent_ = options_.format == format::Format::csv && format::is_done_only(columns);
  writer_ = choose_writer(options_.format, columns, console_);
  WEIR_TRY(writer_->begin(columns, schema, buffer_));
  return flush();
}

Status AnswerPrinter::batch(batch::OwnedArray batch) {
  const std::lock_guard lock(mutex_);
  WEIR_TRY(shown_);
  WEIR_TRY(writer_->batch(std::move(batch), buffer_));
  if (options_.format == format::Format::table && !impatience_.joinable()) {
    impatience_ = std::jthread([this](const std::stop_token& stop) { show_held_rows(stop); });
  }
  return flush();
}

/// The next batch may be long in coming, and until then nobody else would write.
void AnswerPrinter::show_held_rows(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, stop, kHeldMax, [] { return false; });
  if (stop.stop_requested() || writer_ == nullptr) return;
  writer_->show_held(buffer_);
  shown_ = flush();
}

Status AnswerPrinter::end(const nlohmann::json& trailer) {
  {
    const std::lock_guard lock(mutex_);
    WEIR_TRY(shown_);
    WEIR_TRY(writer_->end(trailer, buffer_));
    WEIR_TRY(flush());
    writer_.reset();
  }
  for (const auto& warning : trailer.value("warnings", nlohmann::json::array())) {
    console_.message("warning: " + warning.get<std::string>());
  }
  if (!options_.summary || !trailer.contains("pushdown_summary")) return {};
  std::string table = format::pushdown_table(trailer["pushdown_summary"], console_.table_on_err());
  if (trailer.contains("freshness")) table += format::freshness_table(trailer["freshness"], console_.table_on_err());
  if (!table.empty()) console_.message(table.substr(0, table.size() - 1));
  return {};
}

void AnswerPrinter::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (writer_ == nullptr || console_.out().closed()) return;
  const nlohmann::json trailer = {
      {"error", {{"code", describe(error.code).name}, {"message", error.message}, {"hint", error.hint}}}};
  // The error itself is reported by whoever called; a second one from here would only hide it.
  [[maybe_unused]] const Status told = writer_->end(trailer, buffer_) ? flush() : Status();
  writer_.reset();
}

/// The caller holds the lock.
Status AnswerPrinter::flush() {
  if (silent_) buffer_.clear();
  const Status written = buffer_.empty() ? Status() : console_.out().write(buffer_);
  buffer_.clear();
  return written;
}

}  // namespace weir::cli
