/// Answers as one JSON document.
#include <nlohmann/json.hpp>

#include "format/json_text.h"
#include "format/row_writer.h"
#include "format/writers.h"

namespace weir::format {
namespace {

class JsonWriter final : public RowWriter {
 public:
  JsonWriter() : RowWriter(TextStyle::machine) {}

 private:
  void head(const std::vector<Column>& columns, const arrow::Schema&, std::string& out) override {
    out += "{\"columns\":[";
    for (size_t i = 0; i < columns.size(); i++) {
      out += i == 0 ? "{\"name\":" : ",{\"name\":";
      append_json_string(columns[i].name, out);
      out += ",\"type\":";
      append_json_string(columns[i].type, out);
      out += '}';
    }
    out += "],\n\"rows\":[";
  }

  void row(const Row& cells, int64_t index, std::string& out) override {
    out += rows() == 0 ? "\n[" : ",\n[";
    for (size_t i = 0; i < cells.size(); i++) {
      if (i != 0) out += ',';
      cells[i]->json(index, out);
    }
    out += ']';
  }

  void tail(const nlohmann::json& trailer, std::string& out) override {
    out += ']';
    for (const auto& [key, value] : trailer.items()) {
      out += ",\n";
      append_json_string(key, out);
      out += ':';
      out += value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    out += "}\n";
  }
};

}  // namespace

std::unique_ptr<Writer> make_json_writer() { return std::make_unique<JsonWriter>(); }

}  // namespace weir::format
