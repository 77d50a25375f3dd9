/// What the formats that write row by row share: Arrow in, one call per row out.
#pragma once

#include <memory>
#include <vector>

#include "format/cells.h"
#include "format/writer.h"

namespace weir::format {

/// The columns of one batch.
using Row = std::vector<std::unique_ptr<Cells>>;

class RowWriter : public Writer {
 public:
  /// Errors: not_available_yet for a column that cannot be written, before anything was written; internal.
  Status begin(const std::vector<Column>& columns, const ArrowSchema& schema, std::string& out) final;
  Status batch(batch::OwnedArray batch, std::string& out) final;
  Status end(const nlohmann::json& trailer, std::string& out) final;

 protected:
  explicit RowWriter(TextStyle style) : style_(style) {}
  virtual void head(const std::vector<Column>& columns, const arrow::Schema& schema, std::string& out) = 0;
  virtual void row(const Row& cells, int64_t index, std::string& out) = 0;
  virtual void tail(const nlohmann::json& trailer, std::string& out) = 0;
  /// How many rows were written.
  uint64_t rows() const { return rows_; }

 private:
  Result<Row> resolve(const std::vector<std::shared_ptr<arrow::Array>>& arrays) const;

  TextStyle style_;
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  uint64_t rows_ = 0;
};

}  // namespace weir::format
