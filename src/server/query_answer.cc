#include "server/query_answer.h"

#include <nlohmann/json.hpp>

#include "server/errors.h"

namespace weir::server {

QueryAnswer::QueryAnswer(format::Format format, std::string request_id, Client& client)
    : watch_(client.when_gone([gone = gone_]() mutable { gone.request_stop(); })),
      writer_(format::make_writer(format)),
      request_id_(std::move(request_id)) {}

QueryAnswer::~QueryAnswer() { release(); }

Status QueryAnswer::start(engine::Engine& engine, engine::QueryRequest request) {
  request.stop = gone_.get_token();
  query_ = WEIR_TRY(engine.start(request));
  return {};
}

Status QueryAnswer::begin() {
  auto batch = WEIR_TRY(query_->next());
  const batch::OwnedSchema schema = WEIR_TRY(query_->schema());
  std::vector<format::Column> columns;
  for (const engine::ResultColumn& column : query_->columns()) columns.push_back({column.name, column.type});
  WEIR_TRY(writer_->begin(columns, *schema.get(), first_));
  return batch ? writer_->batch(std::move(*batch), first_) : write_end(first_);
}

BodyStream::Piece QueryAnswer::next(std::string& out) {
  if (!first_.empty()) {
    out += std::exchange(first_, {});
    return ended_ ? Piece::last : Piece::more;
  }
  const size_t complete_bytes = out.size();
  if (const Status written = write_batch(out); !written) {
    out.resize(complete_bytes);  // a batch that failed in the middle must not leave half a row
    write_error(written.error(), out);
    return Piece::broken;
  }
  return ended_ ? Piece::last : Piece::more;
}

/// The next batch, or the end.
Status QueryAnswer::write_batch(std::string& out) {
  auto batch = WEIR_TRY(query_->next());
  return batch ? writer_->batch(std::move(*batch), out) : write_end(out);
}

Status QueryAnswer::write_end(std::string& out) {
  nlohmann::json trailer = query_->summary();
  trailer["request_id"] = request_id_;
  release();  // the client may take its time for the last bytes; the query has ended
  ended_ = true;
  return writer_->end(trailer, out);
}

void QueryAnswer::write_error(const Error& error, std::string& out) {
  release();
  // The connection is closed without a proper end in any case, so a failure to say why changes nothing.
  [[maybe_unused]] const Status told = writer_->end({{"error", error_object(error, request_id_)}}, out);
}

void QueryAnswer::release() {
  watch_.reset();
  query_.reset();
}

}  // namespace weir::server
