#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include "format/answer_fixture.h"
#include "format/writers.h"

namespace weir::format {
namespace {

std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader(const std::string& stream) {
  auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(stream));
  return arrow::ipc::RecordBatchStreamReader::Open(input).ValueOrDie();
}

TEST(ArrowWriter, StreamsBatchesAndEndsWithTheTrailer) {
  const TestAnswer answer({column("id", "BIGINT", arrow::int64(), "[1, 2]")});
  auto stream = reader(written(*make_arrow_writer(), answer, {{"row_count", 4}}, 2));
  for (int i = 0; i < 2; i++) {
    const auto next = stream->ReadNext().ValueOrDie();
    EXPECT_TRUE(next.batch->Equals(*answer.batch));
  }
  const auto last = stream->ReadNext().ValueOrDie();
  EXPECT_EQ(last.batch->num_rows(), 0);
  EXPECT_EQ(last.custom_metadata->Get("weir").ValueOrDie(), "{\"row_count\":4}");
  EXPECT_EQ(stream->ReadNext().ValueOrDie().batch, nullptr);
}

TEST(ArrowWriter, TellsTheSqlTypeOfEachColumn) {
  const TestAnswer answer({column("doc", "JSON", arrow::utf8(), R"(["{}"])")});
  const auto field = reader(written(*make_arrow_writer(), answer, nlohmann::json::object()))->schema()->field(0);
  EXPECT_EQ(field->metadata()->Get("weir:type").ValueOrDie(), "JSON");
}

TEST(ArrowWriter, KeepsTheSchemaOfAnAnswerWithoutRows) {
  const TestAnswer answer({column("id", "BIGINT", arrow::int64(), "[]")});
  EXPECT_EQ(reader(written(*make_arrow_writer(), answer, nlohmann::json::object(), 0))->schema()->num_fields(), 1);
}

}  // namespace
}  // namespace weir::format
