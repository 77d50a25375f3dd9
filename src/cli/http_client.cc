/// libcurl's multi interface, because only that can be woken up to cancel.
#include "cli/http_client.h"

#include <algorithm>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

constexpr size_t kJsonBytesMax = 64u << 20;
constexpr size_t kErrorBytesMax = 1u << 20;
constexpr long kReceiveBytes = 256L << 10;  // libcurl takes at most 512 KiB
constexpr long kConnectTimeoutMs = 10'000;

struct EasyCleanup {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiCleanup {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListCleanup>;

void add_header(HeaderList& list, const std::string& line) {
  list.reset(curl_slist_append(list.release(), line.c_str()));
}

/// What the write callback knows of a running request.
struct Transfer {
  CURL* easy = nullptr;
  const std::function<Status(std::string_view)>* on_data = nullptr;
  Status status;
  std::string error_body;
};

bool is_success(long status) { return status >= 200 && status < 300; }

size_t receive(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view piece(data, size * count);
  long http_status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &http_status);
  if (!is_success(http_status)) {
    transfer.error_body.append(piece.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, transfer.error_body.size())));
    return piece.size();
  }
  transfer.status = (*transfer.on_data)(piece);
  return transfer.status ? piece.size() : 0;
}

Error error_of_curl(CURLcode code, const std::string& url, const char* details) {
  const std::string why = *details != '\0' ? details : curl_easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    return {ErrorCode::tls_certificate_invalid,
            "the certificate of " + url + " does not verify: " + why,
            "Use the host name that the certificate was made for, and install its authority on this machine.",
            {}};
  }
  const bool connected = code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING;
  const std::string message =
      connected ? "the server at " + url + " closed the connection" : "cannot reach the server at " + url;
  return {ErrorCode::server_unreachable,
          message + ": " + why,
          connected ? "Look into the server's log, then run it again."
                    : "Start it with 'weir serve', or name another one with --url.",
          {}};
}

bool is_loopback(const std::string& url) {
  return url.starts_with("http://127.") || url.starts_with("http://localhost") || url.starts_with("http://[::1]");
}

}  // namespace

struct HttpClient::Impl {
  ServerAddress address;
  std::unique_ptr<CURL, EasyCleanup> easy;
  std::unique_ptr<CURLM, MultiCleanup> multi;
  std::atomic<bool> cancelled = false;

  HeaderList headers(const HttpRequest& request) const {
    HeaderList list;
    add_header(list, "Accept: " + request.accept);
    if (!request.body.empty()) add_header(list, "Content-Type: " + request.content_type);
    add_header(list, "Expect:");  // no extra round trip before a larger body
    if (!address.token.empty()) add_header(list, "Authorization: Bearer " + address.token);
    return list;
  }

  /// Sets the handle up anew; its connection stays.
  void prepare(const HttpRequest& request, const HeaderList& list, Transfer& transfer, char* details) {
    CURL* handle = easy.get();
    curl_easy_reset(handle);
    transfer.easy = handle;
    curl_easy_setopt(handle, CURLOPT_URL, (address.url + request.path).c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list.get());
    if (!request.body.empty() || request.method == "POST") {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kReceiveBytes);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, details);
    // A server on this machine is never behind a proxy, whatever the environment says.
    if (is_loopback(address.url)) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  }

  /// Runs the prepared handle to its end. CURLE_ABORTED_BY_CALLBACK when it was cancelled.
  CURLcode perform() {
    curl_multi_add_handle(multi.get(), easy.get());
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;
    while (!cancelled) {
      curl_multi_perform(multi.get(), &running);
      if (running == 0) break;
      curl_multi_poll(multi.get(), nullptr, 0, 1'000, nullptr);
    }
    int left = 0;
    const CURLMsg* message = running == 0 ? curl_multi_info_read(multi.get(), &left) : nullptr;
    if (message != nullptr && message->msg == CURLMSG_DONE) result = message->data.result;
    curl_multi_remove_handle(multi.get(), easy.get());
    return result;
  }
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::open(ServerAddress address) {
  while (address.url.ends_with('/')) address.url.pop_back();
  if (!address.url.starts_with("http://") && !address.url.starts_with("https://")) {
    return fail(ErrorCode::invalid_option, "not a server's URL: " + address.url,
                "Give it as http://HOST:PORT or https://HOST:PORT.");
  }
  if (address.url.find('@') != std::string::npos) {
    return fail(ErrorCode::invalid_option, "a server's URL holds no user or password",
                "Give the token in the environment variable WEIR_TOKEN or with --token-file.");
  }
  auto impl = std::make_unique<Impl>();
  impl->address = std::move(address);
  impl->easy.reset(curl_easy_init());
  impl->multi.reset(curl_multi_init());
  if (impl->easy == nullptr || impl->multi == nullptr) return fail(ErrorCode::internal, "cannot start libcurl");
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Status HttpClient::stream(const HttpRequest& request, const std::function<Status(std::string_view)>& on_data) {
  impl_->cancelled = false;
  Transfer transfer;
  transfer.on_data = &on_data;
  char details[CURL_ERROR_SIZE] = "";
  const HeaderList headers = impl_->headers(request);
  impl_->prepare(request, headers, transfer, details);
  const CURLcode result = impl_->perform();
  if (impl_->cancelled) return fail(ErrorCode::cancelled, "cancelled");
  if (!transfer.status) return transfer.status;
  if (result != CURLE_OK) return fail(error_of_curl(result, impl_->address.url, details));
  long http_status = 0;
  curl_easy_getinfo(impl_->easy.get(), CURLINFO_RESPONSE_CODE, &http_status);
  if (!is_success(http_status)) return fail(error_of_answer(http_status, transfer.error_body));
  return {};
}

Result<nlohmann::json> HttpClient::json(const HttpRequest& request) {
  std::string body;
  WEIR_TRY(stream(request, [&body](std::string_view piece) -> Status {
    if (body.size() + piece.size() > kJsonBytesMax)
      return fail(ErrorCode::body_too_large, "the server's answer is too large");
    body += piece;
    return {};
  }));
  if (body.empty()) return nlohmann::json();
  auto answer = nlohmann::json::parse(body, nullptr, false);
  if (answer.is_discarded()) {
    return fail(ErrorCode::server_unreachable, "the answer of " + impl_->address.url + " is not JSON",
                "Check with --url that it is a Weir server.");
  }
  return answer;
}

void HttpClient::cancel() {
  impl_->cancelled = true;
  curl_multi_wakeup(impl_->multi.get());
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

}  // namespace weir::cli
