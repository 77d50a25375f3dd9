/// Requests to a Weir server, by libcurl.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace weir::cli {

struct HttpRequest {
  std::string method = "GET";
  std::string path;  ///< with query, percent-encoded: "/v1/connectors"
  std::string accept = "application/json";
  std::string content_type = "application/json";
  std::string body{};  ///< sent unless empty
};

/// Where the server is and who asks.
struct ServerAddress {
  std::string url = "http://127.0.0.1:8080";
  std::string token;  ///< empty: none
};

/// One connection, kept open between requests. `cancel` may be called from any thread, the rest from one.
/// Errors of all requests: server_unreachable, tls_certificate_invalid, cancelled, and whatever the server's error
/// envelope says.
class HttpClient {
 public:
  /// Errors: invalid_option for a URL that is none.
  static Result<std::unique_ptr<HttpClient>> open(ServerAddress address);
  ~HttpClient();

  /// Hands over the body of a successful answer piece by piece; an error of `on_data` ends the request and is returned.
  Status stream(const HttpRequest& request, const std::function<Status(std::string_view)>& on_data);
  /// The whole answer as JSON (null when it is empty), of at most 64 MiB.
  Result<nlohmann::json> json(const HttpRequest& request);
  /// Ends the running request, if there is one.
  void cancel();

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The error of an answer that is not a success. `body` is the envelope of docs/rest-api.md, or anything.
Error error_of_answer(long status, std::string_view body);
/// The error inside an envelope, {"code","message","hint","request_id"}.
Error error_of_envelope(const nlohmann::json& error);
/// `text` for use inside of a path.
std::string percent_encoded(std::string_view text);

}  // namespace weir::cli
