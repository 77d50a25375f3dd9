/// POST /v1/query, decoded while it arrives: a slow reader of our output slows the server down, never fills memory.
#include "cli/remote_session.h"

#include <nlohmann/json.hpp>

#include "cli/answer_decoder.h"
#include "format/writer.h"

namespace weir::cli {
namespace {

class RemoteSession final : public Session {
 public:
  explicit RemoteSession(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}

  Status run(const std::string& sql, AnswerSink& sink) override {
    HttpRequest request{.method = "POST", .path = "/v1/query"};
    request.accept = format::content_type(format::Format::arrow);
    request.content_type = "application/sql";
    request.body = sql;
    AnswerDecoder decoder(sink);
    WEIR_TRY(client_->stream(request, [&decoder](std::string_view piece) { return decoder.take(piece); }));
    return decoder.finish();
  }

  void cancel() override { client_->cancel(); }

 private:
  std::unique_ptr<HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<Session>> open_remote_session(ServerAddress address) {
  return std::make_unique<RemoteSession>(WEIR_TRY(HttpClient::open(std::move(address))));
}

}  // namespace weir::cli
