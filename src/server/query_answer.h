/// A query's rows as a response body.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "engine/engine.h"
#include "format/writer.h"
#include "server/http.h"

namespace weir::server {

/// Holds one formatted batch at a time. The query is cancelled when the client goes away, and ends with the answer.
class QueryAnswer final : public BodyStream {
 public:
  QueryAnswer(format::Format format, std::string request_id, Client& client);
  ~QueryAnswer() override;

  /// Errors: those of Engine::start; cancelled when the client goes away meanwhile.
  Status start(engine::Engine& engine, engine::QueryRequest request);
  /// Once it has started.
  const std::string& query_id() const { return query_->id(); }
  /// Waits for the first batch or the end. An error here can still become the status of the answer.
  Status begin();
  Piece next(std::string& out) override;

 private:
  Status write_batch(std::string& out);
  Status write_end(std::string& out);
  void write_error(const Error& error, std::string& out);
  void release();

  std::stop_source gone_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<engine::Query> query_;
  std::unique_ptr<format::Writer> writer_;
  std::string request_id_;
  std::string first_;  ///< made by `begin`, not sent yet
  bool ended_ = false;
};

}  // namespace weir::server
