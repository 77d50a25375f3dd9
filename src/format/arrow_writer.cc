/// Answers as an Arrow IPC stream.
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <nlohmann/json.hpp>

#include "format/arrow_import.h"
#include "format/writers.h"

namespace weir::format {
namespace {

/// Appends to the caller's string, which changes from call to call.
class StringSink final : public arrow::io::OutputStream {
 public:
  StringSink() { set_mode(arrow::io::FileMode::WRITE); }
  ~StringSink() override = default;
  arrow::Status Write(const void* data, int64_t size) override {
    out_->append(static_cast<const char*>(data), static_cast<size_t>(size));
    position_ += size;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  void write_to(std::string& out) { out_ = &out; }

 private:
  std::string* out_ = nullptr;
  int64_t position_ = 0;
};

/// `schema` with the SQL type of each column in its field's metadata.
std::shared_ptr<arrow::Schema> with_sql_types(const arrow::Schema& schema, const std::vector<Column>& columns) {
  arrow::FieldVector fields;
  for (size_t i = 0; i < columns.size(); i++) {
    const auto type = arrow::key_value_metadata({{std::string(kArrowTypeKey), columns[i].type}});
    fields.push_back(schema.field(static_cast<int>(i))->WithName(columns[i].name)->WithMergedMetadata(type));
  }
  return arrow::schema(std::move(fields), schema.metadata());
}

class ArrowWriter final : public Writer {
 public:
  Status begin(const std::vector<Column>& columns, const ArrowSchema& schema, std::string& out) override {
    const auto imported = WEIR_TRY(import_schema(schema, columns));
    schema_ = with_sql_types(*imported, columns);
    sink_.write_to(out);
    auto writer = arrow::ipc::MakeStreamWriter(&sink_, schema_);
    if (!writer.ok()) return fail(arrow_error("cannot begin an Arrow stream", writer.status()));
    writer_ = *writer;
    return {};
  }

  Status batch(batch::OwnedArray batch, std::string& out) override {
    const auto imported = WEIR_TRY(import_batch(std::move(batch), schema_));
    return write(*imported, nullptr, out);
  }

  Status end(const nlohmann::json& trailer, std::string& out) override {
    const auto metadata = arrow::key_value_metadata(
        {{std::string(kArrowTrailerKey), trailer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}});
    auto empty = arrow::RecordBatch::MakeEmpty(schema_);
    if (!empty.ok()) return fail(arrow_error("cannot end an Arrow stream", empty.status()));
    WEIR_TRY(write(**empty, metadata, out));
    const auto closed = writer_->Close();
    if (!closed.ok()) return fail(arrow_error("cannot end an Arrow stream", closed));
    return {};
  }

 private:
  Status write(const arrow::RecordBatch& batch, const std::shared_ptr<const arrow::KeyValueMetadata>& metadata,
               std::string& out) {
    sink_.write_to(out);
    const auto written = writer_->WriteRecordBatch(batch, metadata);
    if (!written.ok()) return fail(arrow_error("cannot write a batch of an Arrow stream", written));
    return {};
  }

  StringSink sink_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

}  // namespace

std::unique_ptr<Writer> make_arrow_writer() { return std::make_unique<ArrowWriter>(); }

}  // namespace weir::format
