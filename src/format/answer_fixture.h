/// For tests: answers typed as JSON, written in any format.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/writer.h"

namespace weir::format {

/// A column of a test's answer; `values` as arrow::json::ArrayFromJSONString takes them.
struct TestColumn {
  Column column;
  std::shared_ptr<arrow::Array> array;
};

inline TestColumn column(std::string name, std::string sql_type, const std::shared_ptr<arrow::DataType>& type,
                         std::string_view values) {
  return {{std::move(name), std::move(sql_type)}, arrow::json::ArrayFromJSONString(type, values).ValueOrDie()};
}

/// An answer of one batch.
struct TestAnswer {
  explicit TestAnswer(const std::vector<TestColumn>& given) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (const TestColumn& each : given) {
      columns.push_back(each.column);
      fields.push_back(arrow::field(each.column.name, each.array->type()));
      arrays.push_back(each.array);
    }
    const int64_t rows = arrays.empty() ? 0 : arrays.front()->length();
    batch = arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
  }

  batch::OwnedArray exported() const {
    batch::OwnedArray out;
    EXPECT_TRUE(arrow::ExportRecordBatch(*batch, out.get()).ok());
    return out;
  }

  batch::OwnedSchema schema() const {
    batch::OwnedSchema out;
    EXPECT_TRUE(arrow::ExportSchema(*batch->schema(), out.get()).ok());
    return out;
  }

  std::vector<Column> columns;
  std::shared_ptr<arrow::RecordBatch> batch;
};

/// What `writer` makes of the answer when its batch comes `batches` times.
inline std::string written(Writer& writer, const TestAnswer& answer, const nlohmann::json& trailer, int batches = 1) {
  std::string out;
  const auto schema = answer.schema();
  Status status = writer.begin(answer.columns, *schema.get(), out);
  for (int i = 0; i < batches && status; i++) status = writer.batch(answer.exported(), out);
  if (status) status = writer.end(trailer, out);
  EXPECT_TRUE(status) << (status ? "" : status.error().to_string());
  return out;
}

}  // namespace weir::format
