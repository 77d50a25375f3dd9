#include "server/browser_guard.h"

#include <algorithm>

#include "server/listener.h"

namespace weir::server {
namespace {

/// "localhost:8080" → "localhost", "[::1]:8080" → "::1".
std::string_view host_name(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
  return authority.substr(0, authority.find(':'));
}

/// A public site's name has a dot, so a name without one cannot have led a browser here from such a site.
bool is_local(std::string_view host) { return host.find('.') == host.npos || is_loopback(host); }

constexpr const char* kHint = "Give the server a token file (--token-file), or ask it by a loopback address.";

}  // namespace

Status check_not_from_web_page(const Fields& fields) {
  const std::string* host = fields.find("Host");
  if (host != nullptr && !is_local(host_name(*host))) {
    return fail(ErrorCode::statement_not_allowed, "a server without tokens answers to local host names only", kHint);
  }
  const std::string* origin = fields.find("Origin");
  if (origin != nullptr && (host == nullptr || *origin != "http://" + *host)) {
    return fail(ErrorCode::statement_not_allowed, "a server without tokens answers no other web page's requests",
                kHint);
  }
  return {};
}

}  // namespace weir::server
