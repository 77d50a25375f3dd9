/// Answers as bytes: JSON, NDJSON, CSV, Arrow IPC and a table for people, all streaming batch by batch.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "batch/arrow_owners.h"

namespace weir::format {

enum class Format : uint8_t { json, ndjson, csv, arrow, table };

/// A column's name and SQL type for the answer's head.
struct Column {
  std::string name;
  std::string type;
};

/// Writes one answer. Each call appends to `out`, which the caller sends and clears, so memory stays flat.
/// 64-bit integers are JSON numbers, decimals strings, timestamps ISO 8601, binary base64, NaN and infinities strings.
class Writer {
 public:
  virtual ~Writer() = default;
  /// `schema` is the struct schema of the batches; borrowed for the call.
  virtual Status begin(const std::vector<Column>& columns, const ArrowSchema& schema, std::string& out) = 0;
  /// Takes the batch.
  virtual Status batch(batch::OwnedArray batch, std::string& out) = 0;
  /// Gives out the rows that are held back to find the widths of a table; the other formats hold none.
  virtual void show_held(std::string& out);
  /// `trailer` is an object: the query's summary, or {"error": {...}} when it failed after its first rows.
  /// JSON puts its members beside "rows"; NDJSON writes {"$summary": …} or {"$error": …}; Arrow adds an empty batch
  /// whose metadata holds it under "weir"; CSV and tables leave it out.
  virtual Status end(const nlohmann::json& trailer, std::string& out) = 0;
};

std::unique_ptr<Writer> make_writer(Format format);
/// "application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream", "text/plain".
std::string_view content_type(Format format);
/// Errors: invalid_option, with the known names.
Result<Format> parse_format(std::string_view name);

}  // namespace weir::format
