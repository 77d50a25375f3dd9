/// arrow::ipc::StreamDecoder with our sink behind it.
#include "cli/answer_decoder.h"

#include <utility>

#include <arrow/buffer.h>
#include <arrow/c/bridge.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <nlohmann/json.hpp>

#include "cli/http_client.h"
#include "format/writers.h"

namespace weir::cli {
namespace {

/// First byte of every stream: that of the marker 0xFFFFFFFF before a message.
constexpr char kStreamBegin = '\xff';

std::string metadata_value(const std::shared_ptr<const arrow::KeyValueMetadata>& metadata, std::string_view key) {
  if (metadata == nullptr) return {};
  const auto value = metadata->Get(key);
  return value.ok() ? *value : std::string();
}

Error broken(const arrow::Status& status) {
  return {ErrorCode::server_unreachable,
          "the server's answer is no Arrow stream: " + status.ToString(),
          "Check that server and command line are of the same version.",
          {}};
}

}  // namespace

/// Hands on what was decoded. Our own errors are kept aside, because the decoder only knows Arrow's.
class AnswerDecoder::Listener final : public arrow::ipc::Listener {
 public:
  explicit Listener(AnswerSink& sink) : sink_(sink) {}

  arrow::Status OnSchemaDecoded(std::shared_ptr<arrow::Schema> schema) override {
    std::vector<format::Column> columns;
    for (const auto& field : schema->fields()) {
      columns.push_back({field->name(), metadata_value(field->metadata(), format::kArrowTypeKey)});
    }
    batch::OwnedSchema exported;
    ARROW_RETURN_NOT_OK(arrow::ExportSchema(*schema, exported.get()));
    return keep(sink_.begin(columns, *exported.get()));
  }

  arrow::Status OnRecordBatchWithMetadataDecoded(arrow::RecordBatchWithMetadata decoded) override {
    const std::string trailer = metadata_value(decoded.custom_metadata, format::kArrowTrailerKey);
    if (!trailer.empty()) return keep(end(trailer));
    batch::OwnedArray exported;
    ARROW_RETURN_NOT_OK(arrow::ExportRecordBatch(*decoded.batch, exported.get()));
    return keep(sink_.batch(std::move(exported)));
  }

  Status status;
  bool ended = false;

 private:
  arrow::Status keep(Status outcome) {
    if (outcome) return arrow::Status::OK();
    status = std::move(outcome);
    return arrow::Status::Cancelled("the sink refused");
  }

  Status end(const std::string& text) {
    const auto trailer = nlohmann::json::parse(text, nullptr, false);
    if (!trailer.is_object()) return fail(ErrorCode::server_unreachable, "the server's answer ends in no summary");
    ended = true;
    if (trailer.contains("error")) return fail(error_of_envelope(trailer["error"]));
    return sink_.end(trailer);
  }

  AnswerSink& sink_;
};

struct AnswerDecoder::Decoder {
  Decoder(std::shared_ptr<Listener> listener, arrow::ipc::IpcReadOptions options)
      : arrow(std::move(listener), std::move(options)) {}
  arrow::ipc::StreamDecoder arrow;
};

AnswerDecoder::AnswerDecoder(AnswerSink& sink) : listener_(std::make_shared<Listener>(sink)) {
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  decoder_ = std::make_unique<Decoder>(listener_, options);
}

AnswerDecoder::~AnswerDecoder() = default;

Status AnswerDecoder::take(std::string_view piece) {
  // Anything else would be taken for the length of a message, and read on and on.
  if (!std::exchange(begun_, true) && !piece.starts_with(kStreamBegin)) {
    return fail(broken(arrow::Status::Invalid("it begins with other bytes")));
  }
  // The decoder keeps parts of the buffer (dictionaries for the whole answer), so it gets one of its own.
  const auto decoded =
      decoder_->arrow.Consume(std::shared_ptr<arrow::Buffer>(arrow::Buffer::FromString(std::string(piece))));
  if (!listener_->status) return listener_->status;
  if (!decoded.ok()) return fail(broken(decoded));
  return {};
}

Status AnswerDecoder::finish() {
  if (!listener_->status) return listener_->status;
  if (listener_->ended) return {};
  return fail(ErrorCode::server_unreachable, "the server's answer ended early",
              "Look into the server's log, then run it again.");
}

}  // namespace weir::cli
