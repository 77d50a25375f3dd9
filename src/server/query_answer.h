/// A query's rows as a response body.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "format/writer.h"
#include "server/http.h"

namespace weir::server {

/// Holds one formatted batch at a time. The query is cancelled when the client goes away, and ends with the answer.
class QueryAnswer final : public BodyStream {
 public:
  QueryAnswer(std::unique_ptr<engine::Query> query, format::Format format, std::string request_id, Client& client);
  ~QueryAnswer() override;

  /// Waits for the first batch or the end. An error here can still become the status of the answer.
  Status begin();
  Piece next(std::string& out) override;

 private:
  Status write_batch(std::string& out);
  Status write_end(std::string& out);
  void write_error(const Error& error, std::string& out);
  void release();

  std::unique_ptr<engine::Query> query_;
  std::unique_ptr<Watch> watch_;  ///< after the query, which its callback uses
  std::unique_ptr<format::Writer> writer_;
  std::string request_id_;
  std::string first_;  ///< made by `begin`, not sent yet
  bool ended_ = false;
};

}  // namespace weir::server
