/// Tables and plans.
#include "format/table_writer.h"

#include <cmath>

#include <arrow/type.h>
#include <nlohmann/json.hpp>

#include "format/display_text.h"
#include "format/row_writer.h"
#include "format/scalar_text.h"

namespace weir::format {
namespace {

/// "12 ms", or "1.25 s" from one second on.
std::string duration(double milliseconds) {
  std::string text;
  if (milliseconds < 1'000) {
    append_integer(static_cast<int64_t>(std::llround(milliseconds)), text);
    return text + " ms";
  }
  append_decimal(static_cast<__int128>(std::llround(milliseconds / 10)), 2, text);
  return text + " s";
}

class TableWriter final : public RowWriter {
 public:
  explicit TableWriter(const TableOptions& options) : RowWriter(TextStyle::person), options_(options) {}
  void show_held(std::string& out) override {
    if (grid_ != nullptr) grid_->show_held(out);
  }

 private:
  void head(const std::vector<Column>& columns, const arrow::Schema& schema, std::string&) override {
    done_only_ = is_done_only(columns);
    std::vector<GridColumn> titles;
    titles.reserve(columns.size());
    for (size_t i = 0; i < columns.size(); i++) {
      titles.push_back({columns[i].name, is_numeric(*schema.field(static_cast<int>(i))->type())});
    }
    grid_ = std::make_unique<TextGrid>(std::move(titles), options_);
  }

  void row(const Row& cells, int64_t index, std::string& out) override {
    std::vector<GridCell> line(cells.size());
    for (size_t i = 0; i < cells.size(); i++) {
      line[i].dim = cells[i]->is_null(index);
      if (line[i].dim) {
        line[i].text = "NULL";
      } else {
        cells[i]->text(index, line[i].text);
      }
    }
    grid_->add(std::move(line), out);
  }

  void tail(const nlohmann::json& trailer, std::string& out) override {
    const bool failed = trailer.contains("error");
    const bool done = done_only_ && rows() == 0;
    if (!done && (!failed || rows() != 0)) grid_->finish(out);
    if (failed && rows() == 0) return;
    out += '(';
    out += done ? "done" : std::to_string(rows()) + (rows() == 1 ? " row" : " rows");
    if (failed) out += " before the error";
    if (trailer.value("partial", false)) out += ", partial";
    const auto elapsed = nlohmann::json::json_pointer("/stats/elapsed_ms");
    if (trailer.contains(elapsed) && trailer[elapsed].is_number())
      out += ", " + duration(trailer[elapsed].get<double>());
    out += ")\n";
  }

  TableOptions options_;
  std::unique_ptr<TextGrid> grid_;
  bool done_only_ = false;
};

class PlanWriter final : public RowWriter {
 public:
  PlanWriter() : RowWriter(TextStyle::person) {}

 private:
  void head(const std::vector<Column>&, const arrow::Schema&, std::string&) override {}

  void row(const Row& cells, int64_t index, std::string& out) override {
    if (cells.empty() || cells.back()->is_null(index)) return;
    std::string text;
    cells.back()->text(index, text);
    out += displayable(text, true);
    if (!text.ends_with('\n')) out += '\n';
  }

  void tail(const nlohmann::json&, std::string&) override {}
};

}  // namespace

std::unique_ptr<Writer> make_table_writer(const TableOptions& options) {
  return std::make_unique<TableWriter>(options);
}

std::unique_ptr<Writer> make_plan_writer() { return std::make_unique<PlanWriter>(); }

bool is_plan(const std::vector<Column>& columns) {
  return columns.size() == 2 && columns[0].name == "explain_key" && columns[1].name == "explain_value";
}

bool is_done_only(const std::vector<Column>& columns) {
  return columns.empty() || (columns.size() == 1 && columns[0].name == "Success" && columns[0].type == "BOOLEAN");
}

}  // namespace weir::format
