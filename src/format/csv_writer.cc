/// Answers as comma-separated values.
#include <nlohmann/json.hpp>

#include "format/row_writer.h"
#include "format/writers.h"

namespace weir::format {
namespace {

/// Appends a field, in quotes if RFC 4180 asks for them or it is empty (NULL has no quotes).
void append_field(std::string_view field, std::string& out) {
  if (!field.empty() && field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (size_t quote = field.find('"'); quote != std::string_view::npos; quote = field.find('"')) {
    out += field.substr(0, quote + 1);
    out += '"';
    field.remove_prefix(quote + 1);
  }
  out += field;
  out += '"';
}

class CsvWriter final : public RowWriter {
 public:
  CsvWriter() : RowWriter(TextStyle::machine) {}

 private:
  void head(const std::vector<Column>& columns, const arrow::Schema&, std::string& out) override {
    for (size_t i = 0; i < columns.size(); i++) {
      if (i != 0) out += ',';
      append_field(columns[i].name, out);
    }
    out += '\n';
  }

  void row(const Row& cells, int64_t index, std::string& out) override {
    for (size_t i = 0; i < cells.size(); i++) {
      if (i != 0) out += ',';
      if (cells[i]->is_null(index)) continue;
      field_.clear();
      cells[i]->text(index, field_);
      append_field(field_, out);
    }
    out += '\n';
  }

  void tail(const nlohmann::json&, std::string&) override {}

  std::string field_;
};

}  // namespace

std::unique_ptr<Writer> make_csv_writer() { return std::make_unique<CsvWriter>(); }

}  // namespace weir::format
