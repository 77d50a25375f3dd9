/// The list of formats: names, content types, makers.
#include "format/writer.h"

#include <array>

#include "format/table_writer.h"
#include "format/writers.h"

namespace weir::format {
namespace {

struct FormatInfo {
  Format format;
  std::string_view name;
  std::string_view content_type;
};

constexpr std::array kFormats = {
    FormatInfo{Format::json, "json", "application/json"},
    FormatInfo{Format::ndjson, "ndjson", "application/x-ndjson"},
    FormatInfo{Format::csv, "csv", "text/csv"},
    FormatInfo{Format::arrow, "arrow", "application/vnd.apache.arrow.stream"},
    FormatInfo{Format::table, "table", "text/plain"},
};

}  // namespace

void Writer::show_held(std::string&) {}

std::unique_ptr<Writer> make_writer(Format format) {
  switch (format) {
    case Format::json:
      return make_json_writer();
    case Format::ndjson:
      return make_ndjson_writer();
    case Format::csv:
      return make_csv_writer();
    case Format::arrow:
      return make_arrow_writer();
    case Format::table:
      break;
  }
  return make_table_writer(TableOptions{});
}

std::string_view content_type(Format format) { return kFormats[static_cast<size_t>(format)].content_type; }

Result<Format> parse_format(std::string_view name) {
  for (const FormatInfo& info : kFormats) {
    if (info.name == name) return info.format;
  }
  return fail(ErrorCode::invalid_option, "unknown format '" + std::string(name) + "'",
              "Use one of: table, csv, json, ndjson, arrow.");
}

}  // namespace weir::format
