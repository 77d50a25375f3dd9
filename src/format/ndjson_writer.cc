/// Answers as one JSON object per line.
#include <set>

#include <nlohmann/json.hpp>

#include "format/json_text.h"
#include "format/row_writer.h"
#include "format/writers.h"

namespace weir::format {
namespace {

class NdjsonWriter final : public RowWriter {
 public:
  NdjsonWriter() : RowWriter(TextStyle::machine) {}

 private:
  /// Makes the keys once: `{"a":`, `,"b":` …
  void head(const std::vector<Column>& columns, const arrow::Schema&, std::string&) override {
    std::set<std::string> given, used;
    for (const Column& column : columns) given.insert(column.name);
    for (const Column& column : columns) {
      std::string name = column.name;
      // A suffixed name must not take the name of a column that really is called so.
      for (int n = 1; used.contains(name) || (n > 1 && given.contains(name)); n++) {
        name = column.name + "_" + std::to_string(n);
      }
      used.insert(name);
      std::string& key = keys_.emplace_back(keys_.empty() ? "{" : ",");
      append_json_string(name, key);
      key += ':';
    }
  }

  void row(const Row& cells, int64_t index, std::string& out) override {
    for (size_t i = 0; i < cells.size(); i++) {
      out += keys_[i];
      cells[i]->json(index, out);
    }
    out += cells.empty() ? "{}\n" : "}\n";
  }

  void tail(const nlohmann::json& trailer, std::string& out) override {
    nlohmann::json line;
    if (trailer.contains("error")) {
      line["$error"] = trailer["error"];
    } else {
      line["$summary"] = trailer;
    }
    out += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out += '\n';
  }

  std::vector<std::string> keys_;
};

}  // namespace

std::unique_ptr<Writer> make_ndjson_writer() { return std::make_unique<NdjsonWriter>(); }

}  // namespace weir::format
